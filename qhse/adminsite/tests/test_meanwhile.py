"""A page that was opened before somebody else's change stores nothing unseen."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.services import requeue_dead_event
from qhse.accounts.models import User
from qhse.accounts.services.users import change_user, set_password
from qhse.adminsite.marks import VERSION
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.adminsite.tests.forms_of import fields_of, open_and_fill
from qhse.tests.waiting import at_once
from suppliers.models import Supplier
from suppliers.services import update_certification


def rows_of(response: Any) -> list[list[str]]:
    """Return the table of what has changed meanwhile."""
    panel = re.search(r"Changed since you opened this page.*?</section>", text_of(response), re.S)
    assert panel is not None, "the page does not say what has changed"
    rows = re.findall(r"<tr>(.*?)</tr>", panel[0], re.S)[1:]
    return [[re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.S)] for row in rows]


class TestAUser:
    def page(self, records: Records) -> str:
        return f"/admin/accounts/user/{records.user.pk}/change/"

    def test_that_was_deactivated_meanwhile_stays_so_when_the_old_page_is_saved(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        client, page = browser("admin"), self.page(records)
        fields = open_and_fill(client, page, email="miller@example.com", reason="New address")
        change_user(user_id=records.user.pk, actor=users["admin"], changes={"is_active": False}, reason="Left")
        before = AuditEntry.objects.count()

        refused = client.post(page, fields)
        (row,) = rows_of(refused)

        assert AuditEntry.objects.count() == before
        assert "Somebody has changed this while the page was open" in text_of(refused)
        assert row[:5] == ["Active", "Yes", "No", "No", "admin"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[5])

        saved = client.post(page, fields_of(refused))

        user = User.objects.get(pk=records.user.pk)
        assert saved.status_code == 302
        assert (user.email, user.is_active) == ("miller@example.com", False)
        assert AuditEntry.objects.latest("id").changes == {"email": ["", "miller@example.com"]}

    def test_of_which_both_have_changed_the_same_shows_both_and_lets_the_person_decide(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        client, page = browser("admin"), self.page(records)
        fields = open_and_fill(client, page, role="auditor", reason="Moved to internal audit")
        change_user(user_id=records.user.pk, actor=users["admin"], changes={"role": "procurement"}, reason="Moved")

        refused = client.post(page, fields)
        (row,) = rows_of(refused)
        client.post(page, fields_of(refused))

        assert row[:5] == ["Role", "Quality", "Procurement", "Auditor", "admin"]
        assert "Moved to internal audit" in text_of(refused)
        assert User.objects.get(pk=records.user.pk).role == "auditor"
        assert AuditEntry.objects.latest("id").changes == {"role": ["procurement", "auditor"]}

    def test_with_a_new_password_meanwhile_says_so(self, browser: Browser, records: Records, users: Any) -> None:
        client, page = browser("admin"), self.page(records)
        fields = open_and_fill(client, page, new_password="ground-valve-seat-7")
        set_password(user_id=records.user.pk, password="turned-steel-shaft-8", actor=users["admin"])

        refused = client.post(page, fields)

        assert rows_of(refused)[0][0] == "User password set"
        assert User.objects.get(pk=records.user.pk).check_password("turned-steel-shaft-8")
        assert "ground-valve" not in text_of(refused)

    def test_that_was_refused_for_its_input_keeps_the_version_of_the_page(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        client, page = browser("admin"), self.page(records)
        fields = open_and_fill(client, page, role="auditor")
        refused = client.post(page, fields)

        change_user(user_id=records.user.pk, actor=users["admin"], changes={"is_staff": False}, reason="No pages")
        again = client.post(page, fields_of(refused, reason="Moved"))

        assert "Say why the rights" in text_of(refused)
        assert rows_of(again)[0][0] == "May use this admin site"


class TestASupplier:
    def test_whose_date_was_renewed_meanwhile_keeps_that_when_only_a_reason_was_typed(
        self, browser: Browser, make_supplier: Any, users: Any
    ) -> None:
        supplier = make_supplier(certification_expiry=date(2027, 1, 31))
        client, page = browser("procurement"), f"/admin/suppliers/supplier/{supplier.pk}/change/"
        fields = open_and_fill(client, page, reason="Looked at")
        renewed = date(2030, 1, 31)
        update_certification(supplier_id=supplier.pk, certification_expiry=renewed, actor=users["admin"])

        refused = client.post(page, fields)
        saved = client.post(page, fields_of(refused), follow=True)

        assert rows_of(refused)[0][:5] == ["Valid until", "2027-01-31", "2030-01-31", "2030-01-31", "admin"]
        assert Supplier.objects.get(pk=supplier.pk).certification_expiry == renewed
        assert "has not been changed: this is how it was already stored" in text_of(saved)

    def test_whose_date_both_have_changed_takes_the_typed_one_when_it_is_saved_again(
        self, browser: Browser, make_supplier: Any, users: Any
    ) -> None:
        supplier = make_supplier(certification_expiry=date(2027, 1, 31))
        client, page = browser("procurement"), f"/admin/suppliers/supplier/{supplier.pk}/change/"
        fields = open_and_fill(client, page, certification_expiry="2029-06-30")
        update_certification(supplier_id=supplier.pk, certification_expiry=date(2030, 1, 31), actor=users["admin"])

        refused = client.post(page, fields)
        client.post(page, fields_of(refused))

        assert rows_of(refused)[0][:4] == ["Valid until", "2027-01-31", "2030-01-31", "2029-06-30"]
        assert Supplier.objects.get(pk=supplier.pk).certification_expiry == date(2029, 6, 30)

    @pytest.mark.parametrize("version", ["0", "99", "", "x", "1\x00", "9" * 400, "-1"])
    def test_takes_no_version_that_is_not_the_present_one(
        self, version: str, browser: Browser, make_supplier: Any
    ) -> None:
        supplier = make_supplier()
        client, page = browser("procurement"), f"/admin/suppliers/supplier/{supplier.pk}/change/"

        refused = client.post(page, open_and_fill(client, page, certification_expiry="2029-06-30", _version=version))

        assert refused.status_code == 200
        assert Supplier.objects.get(pk=supplier.pk).certification_expiry is None


class TestANonConformity:
    def test_that_was_closed_meanwhile_says_by_whom_and_gives_the_typed_reason_back(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        nc = records.open_nc
        client, page = browser("quality"), f"/admin/ncs/nonconformity/{nc.pk}/change/"
        fields = open_and_fill(client, page, reason="Sorted by\nhand")
        close_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="First")

        answer = client.post(page, fields, follow=True)

        (told,) = [str(each) for each in answer.context["messages"]]
        assert told.startswith(f"{nc.number} (Hansa Forge GmbH, high) has been closed already, by admin on 2")
        assert told.endswith("nothing has been changed. You had written: Reason: Sorted by\nhand")
        assert NonConformity.objects.get(pk=nc.pk).closure_reason == "First"

    def test_of_several_is_left_as_it_is_and_named(self, browser: Browser, make_nc: Any, users: Any) -> None:
        stale, closed, sound = (make_nc() for _ in range(3))
        client, page = browser("quality"), "/admin/ncs/nonconformity/"
        chosen = {"action": "close_selected", "_selected_action": [stale.pk, closed.pk, sound.pk]}
        fields = fields_of(client.post(page, chosen), reason="Supplier visit")
        NonConformity.objects.filter(pk=stale.pk).update(version=2)
        close_nonconformity(nc_id=closed.pk, actor=users["admin"], reason="First")

        answer = client.post(page, fields, follow=True)

        told = "\n".join(str(each) for each in answer.context["messages"])
        assert f"{stale.number} ({stale.supplier.name}, medium) was changed meanwhile" in told
        assert (
            f"{closed.number} ({closed.supplier.name}, medium) has been closed already, and was left as it is" in told
        )
        assert f"1 done: {sound.number} ({sound.supplier.name}, medium)." in told
        assert set(NonConformity.objects.filter(status="OPEN")) == {stale}


class TestAnEvent:
    def test_that_came_back_and_died_again_is_looked_at_again(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        dead = records.dead_event
        client, page = browser("admin"), f"/admin/outbox/outboxevent/{dead.pk}/change/"
        fields = open_and_fill(client, page, reason="A test import", _dismiss="Dismiss event")
        requeue_dead_event(event_id=dead.event_id, actor=users["admin"], reason="Mended")
        OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD, attempts=10)

        refused = client.post(page, fields)

        assert ["Status", "Dead", "Pending"] in [row[:3] for row in rows_of(refused)]
        assert OutboxEvent.objects.get(pk=dead.pk).status == EventStatus.DEAD


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_of_two_who_close_one_nc_the_second_is_told(self, browser: Browser, records: Records) -> None:
        page = f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/"
        people = [browser("quality"), browser("admin")]
        forms = [open_and_fill(client, page, reason=f"Reason {n}") for n, client in enumerate(people)]

        answers = at_once(2, lambda n: people[n].post(page, forms[n]))

        told = [
            str(m)
            for client, a in zip(people, answers, strict=True)
            for m in client.get(a["Location"]).context["messages"]
        ]
        assert sorted("has been closed." in text for text in told) == [False, True]
        assert sum("You had written: Reason: Reason" in text for text in told) == 1
        assert AuditEntry.objects.filter(action="NC_CLOSED", entity_id=str(records.open_nc.pk)).count() == 1

    def test_of_two_who_renew_one_certification_the_second_sees_the_first(
        self, browser: Browser, records: Records
    ) -> None:
        page = f"/admin/suppliers/supplier/{records.supplier.pk}/change/"
        people = [browser("procurement"), browser("admin")]
        forms = [
            open_and_fill(client, page, certification_expiry=day)
            for client, day in zip(people, ("2029-06-30", "2030-06-30"), strict=True)
        ]

        answers = at_once(2, lambda n: people[n].post(page, forms[n]))

        assert sorted(answer.status_code for answer in answers) == [200, 302]
        (refused,) = [answer for answer in answers if answer.status_code == 200]
        assert rows_of(refused)[0][0] == "Valid until"
        assert fields_of(refused)[VERSION] == ["2"]
