"""Two writers meet at one supplier, or at one name. The second waits and sees what the first did."""

from __future__ import annotations

from datetime import date

import pytest

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from outbox.testing import assert_published
from suppliers.errors import SupplierNameIsTaken
from suppliers.events import SupplierCreated
from suppliers.models import Supplier
from suppliers.services import create_supplier, update_certification
from suppliers.tests.turns import in_turn

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

OLD = date(2027, 6, 30)
NEW = date(2029, 6, 30)


def entries(action):
    return AuditEntry.objects.filter(action=action).order_by("id")


class TestTwoWhoCreateOneName:
    def test_the_second_waits_and_is_refused_when_the_first_commits(self, users):
        results = in_turn(
            lambda: create_supplier(name="Rhein Fasteners AB", actor=users["procurement"]).name,
            lambda: create_supplier(name="RHEIN FASTENERS AB", actor=users["admin"]),
        )

        assert results[0] == "Rhein Fasteners AB"
        assert isinstance(results[1], SupplierNameIsTaken)
        assert_published(SupplierCreated, name="Rhein Fasteners AB")

    def test_the_second_has_the_name_when_the_first_is_broken_off(self, users):
        results = in_turn(
            lambda: create_supplier(name="Rhein Fasteners AB", actor=users["procurement"]).name,
            lambda: create_supplier(name="RHEIN FASTENERS AB", actor=users["admin"]).name,
            commits=False,
        )

        assert results == ["Rhein Fasteners AB", "RHEIN FASTENERS AB"]
        assert list(Supplier.objects.values_list("name", flat=True)) == ["RHEIN FASTENERS AB"]
        assert entries("SUPPLIER_CREATED").get().actor == "admin"


class TestTwoWhoUpdateOneCertification:
    def test_take_turns_so_that_the_second_entry_begins_where_the_first_ended(self, users, make_supplier):
        supplier = make_supplier(certification_expiry=OLD)

        def update(day):
            return update_certification(supplier_id=supplier.pk, certification_expiry=day, actor=users["procurement"])

        results = in_turn(lambda: update(NEW).version, lambda: update(date(2030, 1, 31)).version)

        assert results == [2, 3]
        assert [entry.changes["certification_expiry"] for entry in entries("SUPPLIER_CERT_UPDATED")] == [
            ["2027-06-30", "2029-06-30"],
            ["2029-06-30", "2030-01-31"],
        ]

    def test_announce_one_date_once_when_both_set_it(self, users, make_supplier):
        supplier = make_supplier(certification_expiry=OLD)

        def update():
            return update_certification(supplier_id=supplier.pk, certification_expiry=NEW, actor=users["procurement"])

        results = in_turn(lambda: update().version, lambda: update().version)

        assert results == [2, 2]
        assert OutboxEvent.objects.filter(event_type="SUPPLIER_CERT_UPDATED").count() == 1
