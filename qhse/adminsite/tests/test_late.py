"""Whatever a person typed is given back, when their form can store nothing any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity, open_action, start_action, void_nonconformity
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.steps import SteppedAdmin
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.adminsite.tests.forms_of import fields_of, open_and_fill

_FIELD = re.compile(r'<(?:textarea|input type="(text|number|date|email|url)")[^>]*? name="(\w+)"|'
                    r'<textarea[^>]*? name="(\w+)"')  # fmt: skip
NAMES = {
    "description", "cost", "title", "contact", "scope", "name", "contact_name", "reason", "note", "root_cause",
    "file_description", "url", "received_qty", "email", "ref", "certification_expiry",
}  # fmt: skip
BY_TYPE = {"number": "77", "date": "2031-07-17", "email": "typed@example.com"}
NUMBERED = iter(range(10_000))


def inputs_of(response: Any) -> dict[str, str]:
    """Return a text for each input of a page's form into which people type."""
    form = text_of(response).partition('<form action="')[2].partition("</form>")[0]
    return {name or area: BY_TYPE.get(kind, f"Typed {next(NUMBERED)}") for kind, name, area in _FIELD.findall(form)}


def forms_by_address(records: Records, users: Any) -> list[str]:
    """Return the addresses of all forms that change a record of ours."""
    records.action = open_action(nc_id=records.open_nc.pk, kind="correction", title="Sort", actor=users["quality"])
    start_action(action_id=records.action.pk, actor=users["quality"])
    found = []
    for model, page in admin.site._registry.items():
        record: Any = next((each for each in (records.open_nc, *vars(records).values()) if isinstance(each, model)), 0)
        if not isinstance(page, ServiceModelAdmin) or not record:
            continue
        if model is OutboxEvent:
            record = records.dead_event
        address = page.record_url(str(record.pk))
        found += [f"{address}?step={name}" for name in page.steps] if isinstance(page, SteppedAdmin) else [address]
    return found


@pytest.fixture
def typed(browser: Browser, records: Records, users: Any) -> Callable[[], list[tuple[str, Client, Any, Any]]]:
    """Open each form, and fill in each of its texts. Return where, by whom, with what fields and texts."""

    def fill() -> list[tuple[str, Client, Any, Any]]:
        client, found = browser("admin"), []
        for address in forms_by_address(records, users):
            page = client.get(address)
            if texts := inputs_of(page):
                found.append((address, client, fields_of(page, **texts, new_password="ground-valve-seat-7"), texts))
        return found

    return fill


class TestAnyForm:
    def test_of_a_record_that_is_finished_gives_back_each_text(
        self, typed: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forms, names, lost = typed(), set(), []
        for each in (ServiceModelAdmin, SteppedAdmin):
            monkeypatch.setattr(each, "too_late", lambda self, request, record: "has been finished")

        for address, client, fields, texts in forms:
            answer = client.post(address, fields)
            told = "\n".join(str(each.message) for each in answer.wsgi_request._messages._queued_messages)
            lost += [(address, name) for name, text in texts.items() if text not in told]
            names |= set(texts)
            assert "ground-valve" not in told

        assert lost == []
        assert sorted(NAMES - names) == []

    def test_of_who_has_lost_the_role_is_refused_and_gives_back_each_text(self, typed: Any, users: Any) -> None:
        forms, lost = typed(), []
        before = AuditEntry.objects.exclude(action="ACCESS_DENIED").count()
        User.objects.filter(pk=users["admin"].pk).update(role="auditor")

        for address, client, fields, texts in forms:
            answer = client.post(address, fields)
            assert answer.status_code == 403, address
            lost += [(address, name) for name, text in texts.items() if text not in text_of(answer)]
            assert "ground-valve" not in text_of(answer)

        assert (len(forms) > 15, lost) == (True, [])
        assert "You had written" not in text_of(client.get("/admin/accounts/user/add/"))
        assert AuditEntry.objects.exclude(action="ACCESS_DENIED").count() == before


class TestAForm:
    def test_gives_back_what_was_typed_and_not_what_stood_there(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        nc, client = records.open_nc, browser("quality")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=correct"
        fields = open_and_fill(client, page, lot_no="L-7", qty_received="80", reason="Read\non the box")
        void_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Twice")

        answer = client.post(page, fields, follow=True)

        (told,) = [str(each) for each in answer.context["messages"]]
        assert told.startswith(f"{nc.number} (Hansa Forge GmbH, high) has been closed already, by admin on 2")
        assert told.endswith(
            "nothing has been changed. "
            "You had written: Lot number: L-7 · Pieces received: 80 · Reason: Read\non the box"
        )

    def test_for_a_new_record_gives_its_texts_back_to_who_has_lost_the_role(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        client, page = browser("quality"), "/admin/ncs/nonconformity/add/"
        fields = open_and_fill(client, page, supplier=records.supplier.pk, description="12 bolts <b>broke</b>")
        User.objects.filter(pk=users["quality"].pk).update(role="auditor")

        answer = client.post(page, fields)

        assert answer.status_code == 403
        assert "12 bolts &lt;b&gt;broke&lt;/b&gt;" in answer.content.decode()

    def test_of_a_record_that_is_not_there_any_more_gives_its_text_back(
        self, browser: Browser, records: Records
    ) -> None:
        client, page = browser("admin"), f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/"
        fields = open_and_fill(client, page, reason="The import was a test")

        answer = client.post(page.replace(str(records.dead_event.pk), "987654"), fields, follow=True)

        told = [str(each) for each in answer.context["messages"]]
        assert "Nothing has been stored. You had written: Reason: The import was a test" in told

    def test_about_the_trail_gives_the_note_back_to_who_has_lost_the_role(self, browser: Browser, users: Any) -> None:
        client, page = browser("auditor"), "/admin/audit/auditentry/proof/"
        fields = open_and_fill(client, page, note="Looked at all of May")
        User.objects.filter(pk=users["auditor"].pk).update(role="procurement")

        answer = client.post(page, fields)

        assert (answer.status_code, "Looked at all of May" in text_of(answer)) == (403, True)


class TestAReasonForSeveral:
    @pytest.fixture
    def asked(self, browser: Browser, make_nc: Any) -> tuple[Client, Any]:
        client, nc = browser("quality"), make_nc()
        chosen = {"action": "close_selected", "_selected_action": [nc.pk]}
        return client, fields_of(client.post("/admin/ncs/nonconformity/", chosen), reason="Supplier visit of May")

    def send(self, asked: Any) -> str:
        client, fields = asked
        answer = client.post("/admin/ncs/nonconformity/", fields, follow=True)
        return "\n".join(str(each) for each in answer.context["messages"])

    def test_is_given_back_when_all_are_closed_already(self, asked: Any, users: Any) -> None:
        close_nonconformity(nc_id=NonConformity.objects.get().pk, actor=users["admin"], reason="First")

        assert "You had written: Reason: Supplier visit of May" in self.send(asked)

    def test_is_given_back_when_all_have_changed(self, asked: Any) -> None:
        NonConformity.objects.update(version=7)

        assert "Nothing has been changed. You had written: Supplier visit of May" in self.send(asked)

    def test_is_given_back_to_who_has_lost_the_role(self, asked: Any, users: Any) -> None:
        User.objects.filter(pk=users["quality"].pk).update(role="auditor")

        client, fields = asked
        answer = client.post("/admin/ncs/nonconformity/", fields)

        assert (answer.status_code, "Supplier visit of May" in text_of(answer)) == (403, True)
        assert NonConformity.objects.get().status == "OPEN"
