"""What people write is shown as they wrote it, on every page, and never becomes markup."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command

from audit.models import AuditEntry
from audit.proof import sealing
from audit.proof.verify_export import ENTRIES
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.services.users import change_user
from qhse.adminsite.tests.conftest import Browser, text_of
from qhse.adminsite.tests.payloads import PAYLOADS
from suppliers.models import Supplier
from suppliers.services import update_certification

pytestmark = pytest.mark.once

PAYLOAD = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}</textarea></pre><!-- & --><b>x</b>"

FOREIGN_TAGS = {"iframe", "object", "embed", "base", "math", "marquee", "video", "audio", "source", "animate", "x"}


class Markup(HTMLParser):
    """Collects what a browser would run or read as markup from the payload."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        inline = tag == "style" or (tag == "script" and not names.get("src") and names.get("type") is None)
        addresses = [names[name] or "" for name in ("href", "src", "action", "formaction", "data") if name in names]
        leads_away = any(word in address.lower() for address in addresses for word in ("javascript:", "data:", "//"))
        acts = "style" in names or any(name.startswith("on") for name in names) or names.get("src") == "x"
        if inline or acts or leads_away or tag in FOREIGN_TAGS:
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


class TestSixtyPayloads:
    """Each of them in everything that is written freely, and in what an address says."""

    @pytest.fixture
    def infected_by_all(self, users: dict[str, Any], make_supplier: Any, make_nc: Any) -> list[str]:
        everything = "\n".join(PAYLOADS)
        paths = []
        for number, payload in enumerate(PAYLOADS):
            supplier = make_supplier(name=f"{payload} {number}")
            nc = make_nc(supplier_id=supplier.pk, severity="high", description=payload)
            Supplier.objects.filter(pk=supplier.pk).update(
                risk_reasons=[{"code": payload, "detail": payload, "points": 1}]
            )
            paths += [f"/admin/suppliers/supplier/{supplier.pk}/change/", f"/admin/ncs/nonconformity/{nc.pk}/change/"]
            paths += [
                f"/admin/suppliers/supplier/?q={quote(payload)}",
                f"/admin/audit/auditentry/?actor={quote(payload)}",
            ]
        close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason=everything[:2000])
        User.objects.filter(pk=users["auditor"].pk).update(
            first_name=PAYLOADS[0], last_name=PAYLOADS[12], email=PAYLOADS[24]
        )
        event = OutboxEvent.objects.filter(event_type="NC_CREATED").earliest("id")
        OutboxEvent.objects.filter(pk=event.pk).update(
            status=EventStatus.DEAD,
            last_error=everything,
            payload={everything: everything},
            headers={"actor": everything},
        )
        paths += [
            f"/admin/outbox/outboxevent/{event.pk}/change/",
            f"/admin/accounts/user/{users['auditor'].pk}/change/",
        ]
        lists = ("ncs/nonconformity", "suppliers/supplier", "audit/auditentry", "outbox/outboxevent", "accounts/user")
        paths += [f"/admin/{page}/?p={number}" for page in lists for number in (0, 1, 2)]
        entries = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[:60]
        return ["/admin/", *paths, *(f"/admin/audit/auditentry/{pk}/change/" for pk in entries)]

    def test_there_are_sixty(self) -> None:
        assert len(set(PAYLOADS)) >= 60

    def test_none_is_markup_on_any_page(self, browser: Browser, infected_by_all: list[str]) -> None:
        client = browser("admin")
        own = set(markup_in(text_of(client.get("/admin/"))))

        found = {path: markup_in(text_of(client.get(path, follow=True))) for path in infected_by_all}

        assert own == set()
        assert {path: markup for path, markup in found.items() if markup} == {}

    def test_none_is_markup_in_messages_bulk_pages_deletions_and_autocompletion(
        self, browser: Browser, infected_by_all: list[str]
    ) -> None:
        client = browser("admin")
        ncs = NonConformity.objects.filter(status="OPEN").order_by("pk")
        listed = "/admin/ncs/nonconformity/"
        completed = {"app_label": "ncs", "model_name": "nonconformity", "field_name": "supplier"}
        pages, documents = [], []
        for number, payload in enumerate(PAYLOADS):
            supplier = Supplier.objects.get(name=f"{payload} {number}")
            chosen = {"action": "close_selected", "_selected_action": [ncs[number % len(ncs)].pk]}
            pages += [
                # The name stands in the message of the change, of the refusal and of the page that is not there.
                client.post("/admin/suppliers/supplier/add/", {"name": f"{payload} new"}, follow=True),
                client.post("/admin/suppliers/supplier/add/", {"name": supplier.name}),
                client.post(listed, chosen),
                client.post(listed, chosen | {"confirmed": 1, "reason": payload * 900}),
                client.get(f"/admin/suppliers/supplier/{supplier.pk}/delete/"),
                client.get(f"/admin/suppliers/supplier/{quote(payload, safe='')}/delete/", follow=True),
                client.get(f"/admin/suppliers/supplier/{supplier.pk}/history/", follow=True),
            ]
            documents.append(client.get("/admin/autocomplete/", {**completed, "term": payload}))

        for response in pages:
            assert response.status_code in {200, 403, 404}, response.request["PATH_INFO"]
            assert markup_in(text_of(response)) == [], response.request["PATH_INFO"]
        for response in documents:
            # A document that no browser reads as a page: sniffing is forbidden.
            assert (response.status_code, response["Content-Type"]) == (200, "application/json")
            assert response["X-Content-Type-Options"] == "nosniff"

    def test_each_is_one_line_of_json_in_the_exported_trail_and_reads_as_it_was_written(
        self, infected_by_all: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))
        sealing.seal_new_entries()

        call_command("export_audit_trail", "--output", str(tmp_path / "trail"), stdout=StringIO())

        entries = [json.loads(line) for line in (tmp_path / "trail" / ENTRIES).read_text().split("\n") if line]
        named = {str(entry["entry"]["changes"].get("name", [None, ""])[1]) for entry in entries}
        assert {f"{payload} {number}" for number, payload in enumerate(PAYLOADS)} <= named

    def test_the_parser_would_have_found_most_of_them(self) -> None:
        seen = [
            payload for payload in PAYLOADS if markup_in(f"<p>{payload}</p>") or markup_in(f'<p title="{payload}">')
        ]

        assert len(seen) >= 40
