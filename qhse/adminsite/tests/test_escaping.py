"""What people write is shown as they wrote it, on every page, and never becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.services import change_user
from qhse.adminsite.tests.conftest import Browser, text_of
from suppliers.models import Supplier
from suppliers.services import update_certification

PAYLOAD = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}</textarea></pre><!-- & --><b>x</b>"


class Markup(HTMLParser):
    """Collects what a browser would run or read as markup from the payload."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        inline = tag == "style" or (tag == "script" and not names.get("src") and names.get("type") is None)
        if inline or "style" in names or any(name.startswith("on") for name in names) or names.get("src") == "x":
            self.found.append(self.get_starttag_text() or tag)


@pytest.fixture
def infected(users: dict[str, Any], make_supplier: Any, make_nc: Any) -> dict[str, Any]:
    """One record of each kind with the payload in everything that a person or a program writes freely."""
    supplier = make_supplier(name=PAYLOAD)
    update_certification(supplier_id=supplier.pk, certification_expiry=None, actor=users["procurement"], reason=PAYLOAD)
    Supplier.objects.filter(pk=supplier.pk).update(risk_reasons=[{"code": "x", "detail": PAYLOAD, "points": 1}])
    nc = make_nc(supplier_id=supplier.pk, severity="high", description=PAYLOAD)
    closed = make_nc(supplier_id=supplier.pk, description=PAYLOAD)
    close_nonconformity(nc_id=closed.pk, actor=users["quality"], reason=PAYLOAD)
    change_user(user_id=users["auditor"].pk, actor=users["admin"], changes={"first_name": PAYLOAD}, reason=PAYLOAD)
    User.objects.filter(pk=users["auditor"].pk).update(last_name=PAYLOAD, email=PAYLOAD)
    event = OutboxEvent.objects.filter(event_type="NC_CREATED").earliest("id")
    OutboxEvent.objects.filter(pk=event.pk).update(
        status=EventStatus.DEAD, last_error=PAYLOAD, payload={PAYLOAD: PAYLOAD}, headers={"actor": PAYLOAD}
    )
    return {
        "ncs/nonconformity": [nc.pk, closed.pk],
        "suppliers/supplier": [supplier.pk],
        "outbox/outboxevent": [event.pk],
        "accounts/user": [users["auditor"].pk],
        "audit/auditentry": list(AuditEntry.objects.values_list("pk", flat=True)),
    }


def markup_in(page: str) -> list[str]:
    parser = Markup()
    parser.feed(page)
    return parser.found


class TestAPayload:
    def test_is_markup_on_no_page(self, browser: Browser, infected: dict[str, list[int]]) -> None:
        client = browser("admin")
        lists = [f"/admin/{page}/" for page in infected]
        records = [f"/admin/{page}/{pk}/change/" for page, pks in infected.items() for pk in pks]

        pages = {
            path: text_of(client.get(path))
            for path in ["/admin/", "/admin/ncs/nonconformity/?status=all", *lists, *records]
        }

        for path, page in pages.items():
            assert markup_in(page) == [], path
            assert "<script>alert" not in page, path
            assert "{{ 7|add:7 }}" in page or "14" not in page.split("alert(2)")[-1][:12], path

    def test_is_shown_as_it_was_written(self, browser: Browser, infected: dict[str, list[int]]) -> None:
        client = browser("admin")

        for page in ("ncs/nonconformity", "suppliers/supplier", "outbox/outboxevent"):
            shown = text_of(client.get(f"/admin/{page}/{infected[page][0]}/change/"))

            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown

    def test_is_no_markup_in_messages_questions_and_forms_that_come_back(
        self, browser: Browser, infected: dict[str, list[int]]
    ) -> None:
        client = browser("admin")
        nc = NonConformity.objects.get(status="OPEN")
        chosen = {"action": "close_selected", "_selected_action": [nc.pk]}

        pages = [
            client.get("/admin/ncs/nonconformity/", {"q": PAYLOAD}),
            client.get("/admin/ncs/nonconformity/", {"status": PAYLOAD}),
            client.get("/admin/ncs/nonconformity/add/", {"supplier": nc.supplier_id, "description": PAYLOAD}),
            client.get("/admin/audit/auditentry/", {"request_id": PAYLOAD}),
            client.post("/admin/ncs/nonconformity/", {**chosen, "index": 0}),
            client.post("/admin/ncs/nonconformity/", {**chosen, "confirmed": 1, "reason": ""}),
            client.post("/admin/suppliers/supplier/add/", {"name": PAYLOAD}),
            client.post("/admin/suppliers/supplier/add/", {"name": PAYLOAD + "2"}, follow=True),
            client.post(f"/admin/ncs/nonconformity/{nc.pk}/change/", {"reason": PAYLOAD}, follow=True),
            client.get("/admin/ncs/nonconformity/<script>alert(1)</script>/change/", follow=True),
            client.post("/admin/login/", {"username": PAYLOAD, "password": "x", "next": PAYLOAD}),
            client.get("/admin/<script>alert(1)</script>/"),
        ]

        for response in pages:
            assert response.status_code in {200, 404}
            assert markup_in(text_of(response)) == [], response.request["PATH_INFO"]
            assert "<script>alert" not in text_of(response), response.request["PATH_INFO"]

    def test_every_page_forbids_inline_code_to_the_browser(self, browser: Browser) -> None:
        for path in ("/admin/", "/admin/login/", "/admin/nosuch/", "/admin/accounts/user/", "/docs"):
            policy = browser("quality").get(path)["Content-Security-Policy"]

            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert markup_in(text_of(browser("quality").get(path))) == [], path
