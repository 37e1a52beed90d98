"""Who gets which admin page: every route of the admin site × every role and everybody without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.urls import URLResolver

from audit.models import AuditEntry
from ncs.models import NonConformity
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import change_user, create_user
from qhse.adminsite.tests.conftest import Browser, Records
from suppliers.models import Certificate, Supplier

pytestmark = pytest.mark.once

EVERY_ROLE = {"quality", "procurement", "auditor", "admin"}
NOBODY: set[str] = set()

# Written from the contract, not from the role tables: page → (who may open it, what they get). Everybody else of the
# staff is refused with 403, and who is not logged in as staff is led to the login.
EXPECTED: dict[str, tuple[set[str], int]] = {
    "": (EVERY_ROLE, 200),
    "login": (EVERY_ROLE, 302),
    "login/": (EVERY_ROLE, 302),
    "logout/": (EVERY_ROLE, 405),
    "password_change/": (EVERY_ROLE, 200),
    "password_change/done/": (EVERY_ROLE, 200),
    "autocomplete/": (NOBODY, 200),  # without its parameters; with them see below
    "jsi18n/": (EVERY_ROLE, 200),
    "r/<path:content_type_id>/<path:object_id>/": (EVERY_ROLE, 404),
    "ncs/nonconformity/": (EVERY_ROLE, 200),
    "ncs/nonconformity/add/": ({"quality", "admin"}, 200),
    "ncs/nonconformity/<path:object_id>/change/": (EVERY_ROLE, 200),
    "ncs/nonconformity/<path:object_id>/history/": (EVERY_ROLE, 302),
    "ncs/nonconformity/<path:object_id>/files/<int:attachment_id>/": (EVERY_ROLE, 410),  # it is void
    "ncs/correctiveaction/<path:object_id>/files/<int:attachment_id>/": (EVERY_ROLE, 404),  # it is on the case
    "ncs/nonconformity/<path:object_id>/files/<int:attachment_id>/preview/": (EVERY_ROLE, 410),
    "ncs/correctiveaction/<path:object_id>/files/<int:attachment_id>/preview/": (EVERY_ROLE, 404),
    "ncs/nonconformity/<path:object_id>/report/": (EVERY_ROLE, 200),
    "ncs/nonconformity/<path:object_id>/report/pdf/": (EVERY_ROLE, 200),
    "ncs/correctiveaction/": (EVERY_ROLE, 200),
    "ncs/correctiveaction/add/": ({"quality", "admin"}, 200),
    "ncs/correctiveaction/<path:object_id>/change/": (EVERY_ROLE, 200),
    "ncs/correctiveaction/<path:object_id>/history/": (EVERY_ROLE, 302),
    "suppliers/supplier/": (EVERY_ROLE, 200),
    "suppliers/supplier/add/": ({"procurement", "admin"}, 200),
    "suppliers/supplier/<path:object_id>/change/": (EVERY_ROLE, 200),
    "suppliers/supplier/<path:object_id>/history/": (EVERY_ROLE, 302),
    "suppliers/supplier/<path:object_id>/files/<int:attachment_id>/": (EVERY_ROLE, 404),  # it is on the case
    "suppliers/supplier/<path:object_id>/files/<int:attachment_id>/preview/": (EVERY_ROLE, 404),
    "suppliers/certificate/<path:object_id>/files/<int:attachment_id>/preview/": (EVERY_ROLE, 404),
    "suppliers/certificate/": (EVERY_ROLE, 200),
    "suppliers/certificate/add/": ({"procurement", "admin"}, 200),
    "suppliers/certificate/<path:object_id>/change/": (EVERY_ROLE, 200),
    "suppliers/certificate/<path:object_id>/history/": (EVERY_ROLE, 302),
    "suppliers/certificate/<path:object_id>/files/<int:attachment_id>/": (EVERY_ROLE, 404),  # it is on the case
    "suppliers/suppliervolume/": (EVERY_ROLE, 200),
    "suppliers/suppliervolume/add/": ({"procurement", "admin"}, 200),
    "suppliers/suppliervolume/<path:object_id>/change/": (EVERY_ROLE, 200),
    "suppliers/suppliervolume/<path:object_id>/history/": (EVERY_ROLE, 302),
    "exchange/importjob/": (EVERY_ROLE, 200),
    "exchange/importjob/add/": ({"quality", "procurement", "admin"}, 200),
    "exchange/importjob/<path:object_id>/change/": (EVERY_ROLE, 200),
    "exchange/importjob/<path:object_id>/history/": (EVERY_ROLE, 302),
    "audit/auditentry/": ({"auditor", "admin"}, 200),
    "audit/auditentry/verify/": ({"auditor", "admin"}, 405),
    "audit/auditentry/verify-all/": ({"auditor", "admin"}, 405),
    "audit/auditentry/proof/": ({"auditor", "admin"}, 200),
    "ncs/nonconformity/sample/": ({"auditor", "admin"}, 200),
    "ncs/nonconformity/dossier/": ({"auditor", "admin"}, 200),
    "audit/auditentry/add/": (NOBODY, 200),
    "audit/auditentry/<path:object_id>/change/": ({"auditor", "admin"}, 200),
    "audit/auditentry/<path:object_id>/history/": ({"auditor", "admin"}, 302),
    "outbox/outboxevent/": ({"admin"}, 200),
    "outbox/outboxevent/add/": (NOBODY, 200),
    "outbox/outboxevent/<path:object_id>/change/": ({"admin"}, 200),
    "outbox/outboxevent/<path:object_id>/history/": ({"admin"}, 302),
    "webhooks/webhookendpoint/": ({"admin"}, 200),
    "webhooks/webhookendpoint/add/": ({"admin"}, 200),
    "webhooks/webhookendpoint/<path:object_id>/change/": ({"admin"}, 200),
    "webhooks/webhookendpoint/<path:object_id>/history/": ({"admin"}, 302),
    "outbox/outgoing/": ({"admin"}, 200),
    "outbox/outgoing/add/": (NOBODY, 200),
    "outbox/outgoing/<path:object_id>/change/": ({"admin"}, 200),
    "outbox/outgoing/<path:object_id>/history/": ({"admin"}, 302),
    "webhooks/webhookdelivery/": ({"admin"}, 200),
    "webhooks/webhookdelivery/add/": (NOBODY, 200),
    "webhooks/webhookdelivery/<path:object_id>/change/": ({"admin"}, 200),
    "webhooks/webhookdelivery/<path:object_id>/history/": ({"admin"}, 302),
    "figures/": ({"quality", "auditor", "admin"}, 200),
    "accounts/user/": ({"admin"}, 200),
    "accounts/user/add/": ({"admin"}, 200),
    "accounts/user/<path:object_id>/change/": ({"admin"}, 200),
    "accounts/user/<path:object_id>/history/": ({"admin"}, 302),
    "^(?P<app_label>accounts|exchange|audit|outbox|webhooks|suppliers|ncs)/$": (EVERY_ROLE, 200),
    "(?P<url>.*)$": (EVERY_ROLE, 404),
}
PAGES_OF_A_RECORD = (
    "ncs/nonconformity",
    "ncs/correctiveaction",
    "suppliers/supplier",
    "suppliers/certificate",
    "suppliers/suppliervolume",
    "exchange/importjob",
    "audit/auditentry",
    "outbox/outboxevent",
    "webhooks/webhookendpoint",
    "outbox/outgoing",
    "webhooks/webhookdelivery",
    "accounts/user",
)
for page in PAGES_OF_A_RECORD:
    EXPECTED[f"{page}/export/<str:form>/"] = EXPECTED[f"{page}/"]
    EXPECTED[f"{page}/<path:object_id>/delete/"] = (NOBODY, 200)
    EXPECTED[f"{page}/<path:object_id>/"] = (EVERY_ROLE, 302)  # only leads to …/change/

PUBLIC = {"login", "login/"}
OUTSIDERS = ("nobody", "deactivated", "not staff")


def routes(patterns: Any, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


@pytest.fixture
def outsiders(users: dict[str, Any]) -> dict[str, Any]:
    deactivated = create_user(username="gone", password=None, role=Role.ADMIN, actor=None, is_staff=True)
    change_user(user_id=deactivated.pk, actor=users["admin"], changes={"is_active": False})
    return {
        "nobody": None,
        "deactivated": deactivated,
        "not staff": create_user(username="api-only", password=None, role=Role.ADMIN, actor=None, is_staff=False),
    }


def address(route: str, records: Records) -> str:
    ids = {
        "ncs/nonconformity": records.open_nc.pk,
        "ncs/correctiveaction": records.action.pk,
        "suppliers/suppliervolume": records.volume.pk,  # before those whose beginning it has
        "suppliers/supplier": records.supplier.pk,
        "suppliers/certificate": records.certificate.pk,
        "exchange/importjob": records.job.pk,
        "audit/auditentry": records.entry.pk,
        "outbox/outboxevent": records.dead_event.pk,
        "webhooks/webhookendpoint": records.webhook.pk,
        "webhooks/webhookdelivery": records.delivery.pk,
        "outbox/outgoing": records.message.pk,
        "accounts/user": records.user.pk,
        "r/<path:content_type_id>": records.supplier.pk,
    }
    for start, pk in ids.items():
        if route.startswith(start):
            route = route.replace("<path:object_id>", str(pk))
    return "/admin/" + (
        route.replace("<path:content_type_id>", "1")
        .replace("<int:attachment_id>", str(records.void_file.pk))
        .replace("<str:form>", "csv")
        .replace("^(?P<app_label>accounts|exchange|audit|outbox|webhooks|suppliers|ncs)/$", "suppliers/")
        .replace("(?P<url>.*)$", "no-such-page/")
    )


class TestAccess:
    def test_names_every_route_of_the_admin_site_and_no_other(self) -> None:
        served = set(routes(admin.site.get_urls()))

        assert served == set(EXPECTED)

    @pytest.mark.parametrize("role", sorted(EVERY_ROLE))
    def test_opens_to_a_role_exactly_the_pages_of_the_contract(
        self, role: str, browser: Browser, records: Records
    ) -> None:
        client = browser(role)

        answers = {route: client.get(address(route, records)).status_code for route in EXPECTED}

        assert answers == {route: status if role in who else 403 for route, (who, status) in EXPECTED.items()}

    @pytest.mark.parametrize("who", OUTSIDERS)
    def test_leads_everybody_else_to_the_login(
        self, who: str, browser: Browser, records: Records, outsiders: dict[str, Any]
    ) -> None:
        client = browser(outsiders[who])

        for route in EXPECTED:
            response = client.get(address(route, records))

            if route in PUBLIC:
                assert response.status_code == 200, route
            elif route == "logout/":
                assert (response.status_code, response["Location"]) == (302, "/admin/"), route
            else:
                assert response.status_code == 302, route
                assert response["Location"].startswith("/admin/login/?next="), route

    @pytest.mark.parametrize("who", ["admin", "quality", None])
    def test_lets_no_proxy_and_no_browser_keep_a_page(self, who: Any, browser: Browser, records: Records) -> None:
        client = browser(who)

        pages = {route: client.get(address(route, records)) for route in EXPECTED}

        assert [route for route, page in pages.items() if "no-store" not in page.get("Cache-Control", "")] == []

    @pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    def test_lets_nobody_do_more_by_another_method(
        self, method: str, browser: Browser, records: Records, outsiders: dict[str, Any], traces: Any, api: Any
    ) -> None:
        askers = {role: browser(role) for role in EVERY_ROLE} | {who: browser(outsiders[who]) for who in OUTSIDERS}
        bearers = {"access token": issue_tokens(records.user).access_token}
        bearers["refresh token"] = issue_tokens(records.user).refresh_token
        for who, token in bearers.items():
            askers[who] = browser(headers={"Authorization": f"Bearer {token}"})
        before = traces()

        for route, (allowed, _) in EXPECTED.items():
            if route == "logout/":
                continue  # its POST is what it is for
            for who, client in askers.items():
                if route.startswith("audit/auditentry/verify") and who in allowed:
                    continue  # so are these; audit/tests/test_admin.py and test_proof_page.py look at them
                response = client.generic(method, address(route, records))
                refused = {302, 403, 404, 405} | ({200} if method == "OPTIONS" and not response.content else set())
                assert response.status_code < 500, (route, who)
                if who not in (allowed if who in EVERY_ROLE else PUBLIC) and route not in PUBLIC:
                    assert response.status_code in refused, (route, who, response.status_code)

        assert traces() == before

    @pytest.mark.parametrize("model", [NonConformity, Supplier, Certificate, AuditEntry, OutboxEvent, User])
    def test_lets_nobody_delete_anything(self, model: Any, browser: Browser, records: Records) -> None:
        for role in EVERY_ROLE:
            client = browser(role)
            before = set(model._default_manager.values_list("pk", flat=True))
            page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            record = model._default_manager.order_by("-pk")[0]

            deleted = client.post(f"{page}{record.pk}/delete/", {"post": "yes"})
            client.post(page, {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"})

            assert deleted.status_code == 403
            assert before <= set(model._default_manager.values_list("pk", flat=True))

    def test_takes_rights_away_at_the_next_click(self, browser: Browser, users: dict[str, Any]) -> None:
        client = browser("admin")
        before = client.get("/admin/accounts/user/").status_code

        create_user(username="second", password=None, role=Role.ADMIN, actor=None)
        change_user(user_id=users["admin"].pk, actor=None, changes={"role": Role.AUDITOR})
        after = client.get("/admin/accounts/user/").status_code

        assert (before, after) == (200, 403)

    def test_searches_suppliers_for_a_form_only_for_who_may_see_them(self, browser: Browser, records: Records) -> None:
        suppliers = {"app_label": "ncs", "model_name": "nonconformity", "field_name": "supplier", "term": "hansa"}
        people = suppliers | {"field_name": "reported_by", "term": "miller"}

        found = browser("quality").get("/admin/autocomplete/", suppliers)
        refused = browser("quality").get("/admin/autocomplete/", people)

        assert [result["text"] for result in found.json()["results"]] == ["Hansa Forge GmbH"]
        assert refused.status_code == 403

    def test_shows_in_the_head_only_the_sections_of_the_role(self, browser: Browser) -> None:
        sections = {"Non-conformities", "Suppliers", "Audit entries", "Outbox events", "Users"}
        expected = {
            "quality": {"Non-conformities", "Suppliers"},
            "procurement": {"Non-conformities", "Suppliers"},
            "auditor": {"Non-conformities", "Suppliers", "Audit entries"},
            "admin": sections,
        }

        shown = {
            role: {name for name in sections if f">{name}</a></li>" in browser(role).get("/admin/").content.decode()}
            for role in EVERY_ROLE
        }

        assert shown == expected
