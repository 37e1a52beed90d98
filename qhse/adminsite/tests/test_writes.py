"""Writes in the admin leave what the same writes of the services and the API leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from ncs.models import NonConformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.permissions import OUTBOX_ROLES
from outbox.services import dismiss_dead_event
from qhse.accounts.models import User
from qhse.adminsite.tests.conftest import REQUEST_ID, Browser, Records, newest_entry, text_of
from qhse.exchange.models import ImportJob
from suppliers.models import Supplier


def facts(entry: AuditEntry) -> dict[str, Any]:
    """Return what an entry says, without what differs between two writes of the same kind."""
    return {
        "actor": entry.actor,
        "role": entry.actor_role,
        "action": entry.action,
        "type": entry.entity_type,
        "changes": entry.changes,
        "reason": entry.reason,
    }


def newest_event() -> OutboxEvent:
    return OutboxEvent.objects.order_by("-id")[0]


class TestReportingANonConformity:
    def test_leaves_the_same_row_entry_and_event_as_the_api(
        self, browser: Browser, api: Callable[[Any], Any], make_supplier: Any
    ) -> None:
        supplier = make_supplier()
        values = {"severity": "high", "description": "Lot 5390: 12 of 80 bolts broke in the proof load test"}

        api("quality").post("/ncs", {"supplier_id": supplier.pk, **values})
        by_api = (facts(newest_entry()), newest_event().payload)
        response = browser("quality").post("/admin/ncs/nonconformity/add/", {"supplier": supplier.pk, **values})
        entry, event, nc = newest_entry(), newest_event(), NonConformity.objects.latest("id")

        assert (response.status_code, response["Location"]) == (302, f"/admin/ncs/nonconformity/{nc.pk}/change/")
        assert facts(entry) == by_api[0]
        its_own = {"nc_id": None, "number": None}
        assert event.payload | its_own == by_api[1] | its_own
        assert (entry.source, entry.request_id, entry.entity_id) == ("admin", REQUEST_ID, str(nc.pk))
        assert event.headers["request_id"] == REQUEST_ID
        assert nc.reported_by.username == "quality"

    def test_starts_with_the_supplier_whose_page_it_was_called_from(self, browser: Browser, make_supplier: Any) -> None:
        supplier = make_supplier(name="Ticino Springs S.p.A.")

        form = browser("quality").get("/admin/ncs/nonconformity/add/", {"supplier": supplier.pk})

        assert f'<option value="{supplier.pk}" selected>Ticino Springs S.p.A.</option>' in text_of(form)


class TestClosingANonConformity:
    def test_leaves_the_same_entry_and_event_as_the_api(
        self, browser: Browser, api: Callable[[Any], Any], make_nc: Any
    ) -> None:
        first, second = make_nc(severity="high"), make_nc(severity="high")
        reason = "Lot sorted, 8D report accepted"

        api("quality").patch(f"/ncs/{first.pk}/close", {"reason": reason})
        by_api = facts(newest_entry())
        response = browser("quality").post(f"/admin/ncs/nonconformity/{second.pk}/change/", {"reason": reason})
        entry, event = newest_entry(), newest_event()

        assert response["Location"] == f"/admin/ncs/nonconformity/{second.pk}/change/"
        assert facts(entry) == by_api
        assert (entry.source, entry.request_id) == ("admin", REQUEST_ID)
        assert (event.event_type, event.payload["nc_id"]) == ("NC_CLOSED", second.pk)
        assert NonConformity.objects.get(pk=second.pk).closure_reason == reason

    def test_asks_for_a_reason_beside_the_field(self, browser: Browser, make_nc: Any, traces: Any) -> None:
        nc = make_nc()
        before = traces()

        response = browser("quality").post(f"/admin/ncs/nonconformity/{nc.pk}/change/", {"reason": "  "})

        assert response.status_code == 200
        assert response.context["adminform"].form.errors == {"reason": ["This field is required."]}
        assert traces() == before

    def test_of_several_closes_each_with_its_own_entry_and_event(self, browser: Browser, make_nc: Any) -> None:
        ncs = [make_nc() for _ in range(3)]
        chosen = {"action": "close_selected", "_selected_action": [nc.pk for nc in ncs]}
        client = browser("quality")
        events = OutboxEvent.objects.count()

        question = client.post("/admin/ncs/nonconformity/", {**chosen, "index": 0})
        client.post("/admin/ncs/nonconformity/", {**chosen, "confirmed": 1, "reason": "Supplier visit of May"})
        entries = AuditEntry.objects.filter(action="NC_CLOSED")

        assert question.templates[0].name == "adminsite/action_with_reason.html"
        assert {(entry.entity_id, entry.reason, entry.source, entry.request_id) for entry in entries} == {
            (str(nc.pk), "Supplier visit of May", "admin", REQUEST_ID) for nc in ncs
        }
        assert OutboxEvent.objects.count() == events + 3
        assert not NonConformity.objects.filter(status="OPEN").exists()

    def test_of_several_closes_what_the_page_listed_and_no_more(self, browser: Browser, make_nc: Any) -> None:
        listed, other = make_nc(), make_nc()

        browser("quality").post(
            "/admin/ncs/nonconformity/",
            {
                "action": "close_selected", "_selected_action": [listed.pk], "select_across": 1,
                "confirmed": 1, "reason": "Sorted",
            },
        )  # fmt: skip

        assert NonConformity.objects.get(status="OPEN") == other

    def test_of_several_passes_over_those_that_are_closed_already(
        self, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()

        response = browser("quality").post(
            "/admin/ncs/nonconformity/?status=all",
            {"action": "close_selected", "_selected_action": [records.closed_nc.pk], "confirmed": 1, "reason": "Done"},
            follow=True,
        )

        assert "None of the selected non-conformities is open." in text_of(response)
        assert traces() == before


class TestSuppliers:
    def test_are_recorded_with_the_same_entry_and_event_as_by_the_api(
        self, browser: Browser, api: Callable[[Any], Any]
    ) -> None:
        api("procurement").post("/suppliers", {"name": "Jura Gaskets AB", "certification_expiry": "2031-05-31"})
        by_api = facts(newest_entry())
        browser("procurement").post(
            "/admin/suppliers/supplier/add/", {"name": " Jura  Castings AB ", "certification_expiry": "2031-05-31"}
        )
        entry, event, supplier = newest_entry(), newest_event(), Supplier.objects.latest("id")

        assert supplier.name == "Jura Castings AB"
        assert facts(entry) == {**by_api, "changes": {**by_api["changes"], "name": [None, "Jura Castings AB"]}}
        assert (entry.source, entry.request_id) == ("admin", REQUEST_ID)
        assert (event.event_type, event.payload) == (
            "SUPPLIER_CREATED",
            {"supplier_id": supplier.pk, "name": "Jura Castings AB"},
        )

    def test_get_a_new_certification_with_the_same_entry_and_event_as_by_the_api(
        self, browser: Browser, api: Callable[[Any], Any], make_supplier: Any
    ) -> None:
        first, second = (make_supplier(certification_expiry=date(2027, 1, 31)) for _ in range(2))
        values = {"certification_expiry": "2030-01-31", "reason": "Renewal audit passed"}

        api("procurement").patch(f"/suppliers/{first.pk}/certification", values)
        by_api = facts(newest_entry())
        browser("procurement").post(f"/admin/suppliers/supplier/{second.pk}/change/", values)
        entry, event = newest_entry(), newest_event()

        assert facts(entry) == by_api
        assert (entry.source, entry.request_id, entry.entity_id) == ("admin", REQUEST_ID, str(second.pk))
        assert event.payload["certification_expiry"] == "2030-01-31"
        assert event.payload["previous"] == "2027-01-31"

    def test_are_not_written_when_nothing_changes(self, browser: Browser, make_supplier: Any, traces: Any) -> None:
        supplier = make_supplier(certification_expiry=date(2027, 1, 31))
        before = traces()

        browser("procurement").post(
            f"/admin/suppliers/supplier/{supplier.pk}/change/", {"certification_expiry": "2027-01-31", "reason": "x"}
        )

        assert traces() == before


class TestVolumes:
    def test_are_set_with_the_same_entry_and_event_as_by_the_api(
        self, browser: Browser, api: Callable[[Any], Any], make_supplier: Any
    ) -> None:
        first, second = make_supplier(), make_supplier()
        figures = {"received_qty": 500, "defective_qty": 2, "received_lots": 5, "rejected_lots": 1, "late_lots": 0}

        api("procurement").put(f"/suppliers/{first.pk}/volumes/2026-10", figures)
        by_api, event_by_api = facts(newest_entry()), newest_event()
        browser("procurement").post(
            "/admin/suppliers/suppliervolume/add/", {"supplier": second.pk, "month": "10/2026", **figures}
        )
        entry, event = newest_entry(), newest_event()

        its_own = {"supplier_id": None, "source": None}
        assert facts(entry) | {"changes": entry.changes | its_own} == by_api | {"changes": by_api["changes"] | its_own}
        assert (entry.source, entry.request_id) == ("admin", REQUEST_ID)
        assert (event.event_type, event.payload["supplier_id"]) == (event_by_api.event_type, second.pk)
        assert set(event.payload) == set(event_by_api.payload)

    def test_are_not_written_when_nothing_changes(self, browser: Browser, records: Records, traces: Any) -> None:
        before = traces()
        figures = {"received_qty": 500, "defective_qty": 1, "received_lots": 0, "rejected_lots": 0, "late_lots": 0}

        response = browser("procurement").post(f"/admin/suppliers/suppliervolume/{records.volume.pk}/change/", figures)

        assert (response.status_code, traces()) == (302, before)


class TestImports:
    def test_are_checked_and_started_with_the_same_entries_as_by_the_api(
        self, browser: Browser, api: Callable[[Any], Any]
    ) -> None:
        def form() -> dict[str, Any]:
            file = SimpleUploadedFile("suppliers.csv", b"Name;Country\nRossi S.p.A.;IT\n")
            return {"kind": "suppliers", "mode": "all_or_nothing", "file": file}

        checked = api("procurement").post("/imports", form(), format="multipart").json()
        api("procurement").post(f"/imports/{checked['id']}/start", {})
        *_, first, second = AuditEntry.objects.order_by("id")
        by_api = [facts(first), facts(second)]
        browser("procurement").post("/admin/exchange/importjob/add/", form())
        job = ImportJob.objects.latest("id")
        browser("procurement").post(f"/admin/exchange/importjob/{job.pk}/change/?step=start", {"go": "1"})
        *_, first, second = AuditEntry.objects.order_by("id")

        assert [facts(first), facts(second)] == by_api
        assert [each["action"] for each in by_api] == ["IMPORT_PREVIEWED", "IMPORT_STARTED"]
        assert (second.source, second.request_id, second.entity_id) == ("admin", REQUEST_ID, str(job.pk))
        assert not Supplier.objects.exists()


class TestRequeueing:
    def test_puts_a_dead_event_back_with_the_same_entry_as_the_api(
        self, browser: Browser, api: Callable[[Any], Any], records: Records
    ) -> None:
        dead = records.dead_event
        reason = "Handler corrected in release 1.4"

        browser("admin").post(f"/admin/outbox/outboxevent/{dead.pk}/change/", {"reason": reason})
        by_admin = newest_entry()
        OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD, attempts=10)
        api("admin").post(f"/outbox/events/{dead.event_id}/requeue", {"reason": reason})
        dead.refresh_from_db()

        assert facts(by_admin) == facts(newest_entry())
        assert (by_admin.source, by_admin.request_id) == ("admin", REQUEST_ID)
        assert (dead.status, dead.attempts) == (EventStatus.PENDING, 0)

    def test_of_several_takes_the_dead_ones_only(self, browser: Browser, records: Records) -> None:
        chosen = [records.dead_event.pk, records.pending_event.pk]
        pending_before = OutboxEvent.objects.get(pk=records.pending_event.pk)

        browser("admin").post(
            "/admin/outbox/outboxevent/",
            {"action": "requeue_selected", "_selected_action": chosen, "confirmed": 1, "reason": "Database was full"},
        )
        entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_REQUEUED")

        assert [(entry.entity_id, entry.reason) for entry in entries] == [
            (str(records.dead_event.event_id), "Database was full")
        ]
        assert OutboxEvent.objects.get(pk=records.pending_event.pk).next_attempt_at == pending_before.next_attempt_at


class TestDismissing:
    def test_ends_a_dead_event_with_the_same_entry_as_the_api(
        self, browser: Browser, api: Callable[[Any], Any], records: Records
    ) -> None:
        dead = records.dead_event
        reason = "A test import; its supplier never existed"

        page = browser("admin").post(
            f"/admin/outbox/outboxevent/{dead.pk}/change/", {"reason": reason, "_dismiss": "Dismiss event"}, follow=True
        )
        by_admin = newest_entry()
        OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD, dismissed_at=None)
        api("admin").post(f"/outbox/events/{dead.event_id}/dismiss", {"reason": reason})
        dead.refresh_from_db()

        assert by_admin.action == "OUTBOX_EVENT_DISMISSED"
        assert facts(by_admin) == facts(newest_entry())
        assert (dead.status, dead.attempts) == (EventStatus.DISMISSED, 10)
        assert (
            f"Non-conformity recorded: NC-{dead.created_at:%Y}-{int(dead.aggregate_id):05d} has been dismissed."
            in text_of(page)
        )
        assert 'name="reason"' not in text_of(page)

    def test_of_several_takes_the_dead_ones_only(self, browser: Browser, records: Records) -> None:
        chosen = [records.dead_event.pk, records.pending_event.pk]

        asked = browser("admin").post(
            "/admin/outbox/outboxevent/", {"action": "dismiss_selected", "_selected_action": chosen}
        )
        browser("admin").post(
            "/admin/outbox/outboxevent/",
            {"action": "dismiss_selected", "_selected_action": chosen, "confirmed": 1, "reason": "A test import"},
        )
        entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_DISMISSED")

        assert f"Non-conformity recorded: {records.open_nc.number}" in text_of(asked)
        assert [(entry.entity_id, entry.reason) for entry in entries] == [
            (str(records.dead_event.event_id), "A test import")
        ]
        assert OutboxEvent.objects.get(pk=records.pending_event.pk).status == EventStatus.PENDING

    @pytest.mark.parametrize("reason", ["", " \n", "x" * 2001])
    def test_needs_a_reason(self, browser: Browser, records: Records, traces: Any, reason: str) -> None:
        before = traces()
        page = f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/"

        response = browser("admin").post(page, {"reason": reason, "_dismiss": "Dismiss event"})

        assert set(response.context["adminform"].form.errors) == {"reason"}
        assert traces() == before

    def test_is_refused_where_the_role_table_does_not_list_it(
        self, browser: Browser, records: Records, traces: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(OUTBOX_ROLES, "dismiss")
        before = traces()
        page = f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/"

        response = browser("admin").post(page, {"reason": "A test import", "_dismiss": "Dismiss event"})

        assert response.status_code == 403
        assert traces() == before
        assert "Dismiss event" not in text_of(browser("admin").get(page))

    def test_of_one_that_was_dismissed_meanwhile_changes_nothing(
        self, browser: Browser, records: Records, users: dict[str, Any], traces: Any
    ) -> None:
        dismiss_dead_event(event_id=records.dead_event.event_id, actor=users["admin"], reason="First")
        before = traces()

        response = browser("admin").post(
            f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/", {"reason": "Second"}, follow=True
        )

        assert "has been dismissed, which is final, by admin on" in text_of(response)
        assert "nothing has been changed. You had written: Reason: Second" in text_of(response)
        assert traces() == before


class TestUsers:
    def test_are_created_with_an_entry_that_knows_nothing_of_the_password(self, browser: Browser) -> None:
        browser("admin").post(
            "/admin/accounts/user/add/",
            {"username": "weber", "role": "auditor", "is_staff": "on", "email": "", "password": "brass-fitting-42x"},
        )
        entry, user = newest_entry(), User.objects.get(username="weber")

        assert user.check_password("brass-fitting-42x")
        assert (user.role, user.is_staff, user.is_active) == ("auditor", True, True)
        assert (entry.action, entry.actor, entry.source, entry.request_id) == (
            "USER_CREATED", "admin", "admin", REQUEST_ID,
        )  # fmt: skip
        assert "brass" not in str(entry.changes) + entry.reason

    def test_change_their_role_with_old_and_new_value_and_reason(self, browser: Browser, records: Records) -> None:
        form = {"role": "auditor", "is_active": "on", "is_staff": "on", "reason": "Moved to internal audit"}

        browser("admin").post(f"/admin/accounts/user/{records.user.pk}/change/", form)
        entry = newest_entry()

        assert entry.changes == {"role": ["quality", "auditor"]}
        assert (entry.action, entry.reason) == ("USER_CHANGED", "Moved to internal audit")
        assert User.objects.get(pk=records.user.pk).role == "auditor"

    def test_do_not_change_rights_without_a_reason(self, browser: Browser, records: Records, traces: Any) -> None:
        before = traces()

        response = browser("admin").post(
            f"/admin/accounts/user/{records.user.pk}/change/", {"role": "admin", "is_active": "on", "is_staff": "on"}
        )

        assert set(response.context["adminform"].form.errors) == {"reason"}
        assert traces() == before
        assert User.objects.get(pk=records.user.pk).role == "quality"

    def test_are_deactivated_and_logged_out_at_once(self, browser: Browser, records: Records) -> None:
        theirs = browser(records.user)
        before = theirs.get("/admin/").status_code

        browser("admin").post(
            f"/admin/accounts/user/{records.user.pk}/change/",
            {"role": "quality", "is_staff": "on", "reason": "Left the company"},
        )
        after = theirs.get("/admin/").status_code

        assert (before, after) == (200, 302)
        assert newest_entry().changes == {"is_active": [True, False]}

    def test_get_a_new_password_with_an_entry_that_does_not_name_it(self, browser: Browser, records: Records) -> None:
        form = {"role": "quality", "is_active": "on", "is_staff": "on", "new_password": "ground-valve-seat-7"}

        browser("admin").post(f"/admin/accounts/user/{records.user.pk}/change/", form)
        entry = newest_entry()

        assert User.objects.get(pk=records.user.pk).check_password("ground-valve-seat-7")
        assert (entry.action, entry.changes, entry.entity_id) == ("USER_PASSWORD_SET", {}, str(records.user.pk))

    def test_leave_at_least_one_administrator(self, browser: Browser, users: dict[str, Any], traces: Any) -> None:
        before = traces()

        response = browser("admin").post(
            f"/admin/accounts/user/{users['admin'].pk}/change/",
            {"role": "quality", "is_active": "on", "is_staff": "on", "reason": "Mistake", "new_password": ""},
        )

        assert "This is the last active administrator" in text_of(response)
        assert traces() == before

    def test_change_their_own_password_by_the_service_and_stay_logged_in(self, browser: Browser) -> None:
        client = browser("quality")

        response = client.post(
            "/admin/password_change/",
            {
                "old_password": "correct-horse-quality",
                "new_password1": "lathe-and-milling-5",
                "new_password2": "lathe-and-milling-5",
            },
            follow=True,
        )
        entry = newest_entry()

        assert response.redirect_chain[-1][0] == "/admin/password_change/done/"
        assert response.status_code == 200
        assert (entry.action, entry.actor, entry.source) == ("USER_PASSWORD_SET", "quality", "admin")
        assert User.objects.get(username="quality").check_password("lathe-and-milling-5")


class TestTheAdminItself:
    def test_stores_nothing_beside_the_service(self, browser: Browser, records: Records) -> None:
        client = browser("admin")

        with CaptureQueriesContext(connection) as queries:
            client.post(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/", {"reason": "Sorted"})
            client.post(f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/", {"reason": "Try again"})
            client.post(
                f"/admin/suppliers/supplier/{records.supplier.pk}/change/", {"certification_expiry": "2031-01-31"}
            )
        tables = [query["sql"].split('"')[1] for query in queries if query["sql"].startswith("UPDATE")]

        # The supplier twice: its counts when the NC is closed, its date when the certification is renewed.
        assert Counter(table for table in tables if not table.startswith("django_")) == {
            "ncs_nonconformity": 1,
            "outbox_outboxevent": 1,
            "suppliers_supplier": 2,
        }


class TestDjangosOwnLog:
    def test_stays_empty(self, browser: Browser, records: Records) -> None:
        client = browser("admin")

        client.post("/admin/suppliers/supplier/add/", {"name": "Ebro Cables S.L."})
        client.post(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/", {"reason": "Sorted"})
        client.post(f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/", {"reason": "Try again"})

        assert not LogEntry.objects.exists()
