"""A form of the admin site that is sent twice is written once, and the person is told."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from ncs.admin import forms
from ncs.models import NonConformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.adminsite.marks import CSRF, MARK, NOT_TYPED, VERSION, new_mark, owner_of
from qhse.adminsite.once import REPEATED
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.adminsite.tests.forms_of import fields_of, forms_of, open_and_fill
from qhse.adminsite.tests.test_access import EXPECTED, PUBLIC, address
from qhse.repeats.models import IdempotencyRecord
from qhse.tests.waiting import at_once
from suppliers.models import Supplier

NC, SUPPLIER, EVENT, USER = (
    f"/admin/{each}/" for each in ("ncs/nonconformity", "suppliers/supplier", "outbox/outboxevent", "accounts/user")
)
PASSWORD = {
    "old_password": "correct-horse-admin", "new_password1": "lathe-and-milling-5",
    "new_password2": "lathe-and-milling-5",
}  # fmt: skip
WRITES = (
    "add an NC", "close an NC", "close several", "add a supplier", "renew a certification", "add a user",
    "change a user", "set a password", "requeue an event", "dismiss an event", "requeue several", "dismiss several",
    "verify", "change one's own password",
)  # fmt: skip


def prepared(write: str, client: Any, records: Records) -> tuple[str, dict[str, Any]]:
    """Return where a write is sent and what, as a browser has it before the button is pressed."""
    nc, event, user = records.open_nc.pk, records.dead_event.pk, records.user.pk
    pages: dict[str, tuple[str, dict[str, Any]]] = {
        "add an NC": (
            f"{NC}add/", {"supplier": records.supplier.pk, "severity": "high", "description": "Lot 5390: cracked"},
        ),
        "close an NC": (f"{NC}{nc}/change/", {"reason": "Sorted"}),
        "add a supplier": (f"{SUPPLIER}add/", {"name": "Ebro Cables S.L."}),
        "renew a certification": (
            f"{SUPPLIER}{records.supplier.pk}/change/", {"certification_expiry": "2031-01-31", "reason": "Renewed"},
        ),
        "add a user": (f"{USER}add/", {"username": "weber", "role": "auditor", "password": "brass-fitting-42x"}),
        "change a user": (f"{USER}{user}/change/", {"role": "auditor", "reason": "Moved"}),
        "set a password": (f"{USER}{user}/change/", {"new_password": "ground-valve-seat-7"}),
        "requeue an event": (f"{EVENT}{event}/change/", {"reason": "Mended"}),
        "dismiss an event": (f"{EVENT}{event}/change/", {"reason": "A test import", "_dismiss": "Dismiss event"}),
        "change one's own password": ("/admin/password_change/", PASSWORD),
    }  # fmt: skip
    if write in pages:
        page, values = pages[write]
        return page, open_and_fill(client, page, **values)
    if write == "verify":
        to, fields = forms_of(client.get("/admin/audit/auditentry/"))[0]
        return to, fields
    asked = {
        "close several": (NC, "close_selected", nc),
        "requeue several": (EVENT, "requeue_selected", event),
        "dismiss several": (EVENT, "dismiss_selected", event),
    }[write]
    page, action, pk = asked
    return page, fields_of(client.post(page, {"action": action, "_selected_action": [pk]}), reason="Because")


def everything_stored() -> dict[str, list[Any]]:
    models = (Supplier, NonConformity, User, OutboxEvent, AuditEntry, IdempotencyRecord)
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def file_of(response: Any) -> bytes:
    assert response["Content-Type"] == "application/zip"
    return b"".join(response)


class TestEveryForm:
    def test_has_a_mark_of_its_own_and_a_page_of_a_record_its_version(self, browser: Browser, records: Records) -> None:
        client = browser("admin")
        bare, marks = [], []
        for route in EXPECTED:
            page = client.get(address(route, records))
            if page.status_code != 200 or "text/html" not in page["Content-Type"]:
                continue
            for _, fields in forms_of(page):
                marks += fields.get(MARK, [])
                of_record = "/change/" in route and 'name="_save"' in text_of(page)
                if MARK not in fields or CSRF not in fields or (of_record and not set(fields) >= NOT_TYPED):
                    bare.append(route)

        assert bare == []
        assert len(set(marks)) == len(marks) >= 10
        assert {owner_of(mark) for mark in marks} == {User.objects.get(username="admin").pk}

    @pytest.mark.parametrize("write", [each for each in WRITES if each.endswith("several")])
    def test_of_several_records_has_the_version_of_each(self, write: str, browser: Browser, records: Records) -> None:
        _, fields = prepared(write, browser("admin"), records)

        assert len(fields[MARK]) == 1
        assert [pair.partition(":")[0] for pair in fields[VERSION]] == fields["_selected_action"]

    def test_of_the_login_has_none(self, client: Any) -> None:
        assert MARK not in text_of(client.get("/admin/login/"))

    def test_that_is_sent_is_looked_at_wherever_it_is_sent_to(
        self, browser: Browser, records: Records, users: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def first_answer(write: Any, **options: Any) -> Any:
            asked.append(write.name)
            return None

        monkeypatch.setattr("qhse.adminsite.once.first_answer", first_answer)
        client, careless = browser("admin", raise_request_exception=False), []
        for route in EXPECTED:
            if route in PUBLIC or route.endswith("/<path:object_id>/"):  # leads on, and looks at nothing
                continue
            before = len(asked)
            client.force_login(users["admin"])  # one of them logs out
            client.post(address(route, records), {MARK: new_mark(users["admin"])})
            if len(asked) == before:
                careless.append(route)

        assert careless == []


class TestAFormThatIsSentTwice:
    @pytest.mark.parametrize("write", WRITES)
    def test_is_written_once_and_lands_where_the_first_did(
        self, write: str, browser: Browser, records: Records
    ) -> None:
        client = browser("admin")
        to, fields = prepared(write, client, records)
        before = AuditEntry.objects.count()

        first = client.post(to, fields)
        stored = everything_stored()
        told = [str(each) for each in client.get(first["Location"]).context["messages"]]
        again = client.post(to, fields)
        assert (first.status_code, again.status_code) == (302, 302)
        told_again = [str(each) for each in client.get(again["Location"]).context["messages"]]

        assert AuditEntry.objects.count() > before
        assert again["Location"] == first["Location"]
        assert everything_stored() == stored
        assert told_again == [REPEATED, *told]

    @pytest.mark.parametrize("write", [each for each in WRITES if each != "change one's own password"])
    def test_by_another_person_is_another_write(
        self, write: str, browser: Browser, records: Records, users: Any
    ) -> None:
        to, fields = prepared(write, browser("admin"), records)
        browser("admin").post(to, fields)

        browser(User.objects.get(username="miller")).post(to, fields)

        assert {each.user.username for each in IdempotencyRecord.objects.all()} <= {"admin", "miller"}

    def test_with_other_content_comes_back_and_is_written_when_it_is_sent_from_there(
        self, browser: Browser, records: Records
    ) -> None:
        client = browser("quality")
        to, fields = prepared("add an NC", client, records)
        client.post(to, fields)

        held_back = client.post(to, fields | {"description": "Lot 5391: wet"})
        count = NonConformity.objects.count()
        saved = client.post(to, fields_of(held_back))

        assert "with other content" in text_of(held_back)
        assert "Lot 5391: wet" in text_of(held_back)
        assert "Please correct" not in text_of(held_back)
        assert saved.status_code == 302
        assert NonConformity.objects.count() == count + 1
        assert NonConformity.objects.latest("id").description == "Lot 5391: wet"

    @pytest.mark.parametrize(
        ("write", "other"),
        [
            ("set a password", {"new_password": "another-valve-seat-8"}),
            ("add a user", {"password": "another-valve-seat-8"}),
            (
                "change one's own password",
                {"new_password1": "another-valve-seat-8", "new_password2": "another-valve-seat-8"},
            ),
        ],
    )
    def test_with_another_password_comes_back_and_has_not_stored_it(
        self, write: str, other: dict[str, str], browser: Browser, records: Records
    ) -> None:
        client = browser("admin")
        to, fields = prepared(write, client, records)
        client.post(to, fields)
        stored = everything_stored()

        held_back = client.post(to, fields | other)

        assert held_back.status_code == 200
        # The page of a record tells by its version that the first sending has changed it.
        assert ("was open" if write == "set a password" else "with other content") in text_of(held_back)
        assert "Please correct" not in text_of(held_back)
        assert "Passwords have to be typed again" in text_of(held_back)
        assert "another-valve-seat-8" not in text_of(held_back)
        assert everything_stored() == stored

    def test_that_comes_back_with_passwords_is_written_when_it_is_sent_from_there(
        self, browser: Browser, records: Records
    ) -> None:
        client = browser("admin")
        to, fields = prepared("change one's own password", client, records)
        client.post(to, fields)
        third = "another-valve-seat-8"
        other = {"old_password": PASSWORD["new_password1"], "new_password1": third, "new_password2": third}

        held_back = client.post(to, fields | other)
        saved = client.post(to, fields_of(held_back, **other))

        assert saved.status_code == 302
        assert User.objects.get(username="admin").check_password(third)

    def test_after_it_was_refused_is_written_when_it_is_corrected(self, browser: Browser, records: Records) -> None:
        client = browser("quality")
        to, fields = prepared("add an NC", client, records)

        refused = client.post(to, fields | {"description": "\u200b"})
        saved = client.post(to, fields)

        assert (refused.status_code, saved.status_code) == (200, 302)

    def test_after_it_was_broken_off_is_written_now(
        self, browser: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = browser("quality", raise_request_exception=False)
        to, fields = prepared("add an NC", client, records)
        with monkeypatch.context() as broken:
            broken.setattr("qhse.adminsite.once.keep_answer", lambda *args, **kwargs: 1 / 0)
            count = NonConformity.objects.count()
            assert client.post(to, fields).status_code == 500
            assert NonConformity.objects.count() == count

        assert client.post(to, fields).status_code == 302
        assert NonConformity.objects.count() == count + 1

    def test_keeps_no_password_and_no_digest_of_one_without_a_key(
        self, browser: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digested: list[Any] = []
        monkeypatch.setattr("qhse.adminsite.once.digest", lambda value: digested.append(value) or "0" * 64)

        for write in ("set a password", "change one's own password"):
            client = browser("admin")
            client.post(*prepared(write, client, records))

        assert "reason" in str(digested)
        for password in ("ground-valve-seat-7", *PASSWORD.values()):
            assert password not in str(digested)
            assert not IdempotencyRecord.objects.filter(body__contains=password).exists()


class TestAnExportThatIsSentTwice:
    def test_gives_the_same_file_and_leaves_one_entry(self, browser: Browser, records: Records) -> None:
        seal_new_entries()
        client = browser("auditor")
        fields = open_and_fill(client, "/admin/audit/auditentry/", action="export_selected")
        fields["_selected_action"] = [records.entry.pk]

        files = [file_of(client.post("/admin/audit/auditentry/", fields)) for _ in range(2)]

        first, again = (zipfile.ZipFile(io.BytesIO(file)) for file in files)
        assert {name: first.read(name) for name in first.namelist()} == {
            name: again.read(name) for name in again.namelist()
        }
        assert AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").count() == 1

    def test_with_another_selection_of_the_open_page_is_another_export(
        self, browser: Browser, records: Records
    ) -> None:
        seal_new_entries()
        client = browser("auditor")
        fields = open_and_fill(client, "/admin/audit/auditentry/", action="export_selected")

        for pk in (records.entry.pk, records.entry.pk - 1):
            assert file_of(client.post("/admin/audit/auditentry/", fields | {"_selected_action": [pk]}))

        assert AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").count() == 2

    def test_is_a_new_one_when_other_entries_match_by_now(self, browser: Browser, records: Records) -> None:
        seal_new_entries()
        client = browser("auditor")
        page = "/admin/audit/auditentry/?source=command"
        fields = open_and_fill(client, page, action="export_selected", select_across="1")
        everything = fields | {"_selected_action": [records.entry.pk]}
        page = "/admin/audit/auditentry/"

        first = file_of(client.post(page, everything))
        again = file_of(client.post(page, everything))  # the first one's own entry matches too

        assert first != again
        assert AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    @pytest.mark.parametrize("write", WRITES)
    def test_two_identical_posts_are_one_write(self, write: str, browser: Browser, records: Records) -> None:
        client = browser("admin")
        to, fields = prepared(write, client, records)
        before = AuditEntry.objects.count()

        answers = at_once(2, lambda number: browser_with(client).post(to, fields))

        assert [answer.status_code for answer in answers] == [302, 302], answers
        assert answers[0]["Location"] == answers[1]["Location"]
        made = list(AuditEntry.objects.order_by("pk").values_list("action", "entity_id"))[before:]
        assert len(made) == len(set(made))
        assert IdempotencyRecord.objects.count() == 1

    def test_a_deadlock_costs_a_second_try_and_no_message_twice(
        self, browser: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = browser("quality")
        to, fields = prepared("close an NC", client, records)
        tries: list[int] = []
        close = forms.close_nonconformity

        def deadlocked_once(**arguments: Any) -> Any:
            nc = close(**arguments)
            tries.append(nc.pk)
            if len(tries) == 1:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '40P01'; END $$")
            return nc

        monkeypatch.setattr(forms, "close_nonconformity", deadlocked_once)
        page = client.post(to, fields, follow=True)

        assert len(tries) == 2
        assert len(list(page.context["messages"])) == 1
        assert AuditEntry.objects.filter(action="NC_CLOSED", entity_id=str(records.open_nc.pk)).count() == 1

    def test_a_deadlock_that_does_not_end_is_a_page_to_try_again(
        self, browser: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = browser("quality", raise_request_exception=False)
        to, fields = prepared("close an NC", client, records)

        def deadlocked(**arguments: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '40P01'; END $$")

        monkeypatch.setattr(forms, "close_nonconformity", deadlocked)

        assert client.post(to, fields).status_code == 503
        assert OutboxEvent.objects.filter(status=EventStatus.PENDING, event_type="NC_CLOSED").count() == 1


def browser_with(client: Any) -> Any:
    """Return another window of the same browser: the same session."""
    window = Client()
    window.cookies = client.cookies
    return window
