"""Correcting what was recorded: the values, both suppliers' counts and risk, and what follows from a severity."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from ncs.errors import DescriptionIsInvalid, DetailIsInvalid, NonConformityIsClosed, ReasonIsMissing
from ncs.events import NonConformityCorrected, NonConformitySeverityChanged
from ncs.models import NonConformity
from ncs.services import (
    close_nonconformity,
    concede_nonconformity,
    correct_nonconformity,
    dispose_nonconformity,
)
from outbox.models import OutboxEvent
from outbox.testing import assert_published, assert_publishes_nothing
from suppliers.errors import SupplierIsUnknown
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def counts_of(supplier_id):
    return Supplier.objects.values_list("nc_total", "nc_open", "nc_open_high", "nc_open_medium").get(pk=supplier_id)


@pytest.fixture
def correct(users):
    def perform(nc, reason="Misread", **values):
        return correct_nonconformity(nc_id=nc.pk, values=values, actor=users["quality"], reason=reason)

    return perform


class TestValues:
    def test_are_stored_old_and_new_with_the_reason(self, make_nc, correct):
        nc = make_nc(lot_no="4711")

        corrected = correct(nc, lot_no=" 4712 ", qty_defective=3, cost=Decimal("12.5"))

        assert (corrected.lot_no, corrected.qty_defective, corrected.version) == ("4712", 3, 2)
        entry = AuditEntry.objects.get(action="NC_CORRECTED")
        assert entry.changes == {"lot_no": ["4711", "4712"], "qty_defective": [None, 3], "cost": [None, "12.50"]}
        assert entry.reason == "Misread"
        assert_published(NonConformityCorrected, fields=["cost", "lot_no", "qty_defective"], reason="Misread")

    @pytest.mark.parametrize("nothing", [Decimal("-0"), Decimal("-0.00"), -0.0])
    def test_of_nothing_have_no_sign(self, make_nc, correct, nothing):
        corrected = correct(make_nc(), cost=nothing)

        assert str(corrected.cost) == "0.00"
        assert AuditEntry.objects.get(action="NC_CORRECTED").changes["cost"] == [None, "0.00"]

    def test_that_stand_there_already_change_nothing_and_need_no_reason(self, make_nc, correct):
        nc = make_nc(lot_no="4711")

        with assert_publishes_nothing():
            assert correct(nc, reason="", lot_no="4711", severity="medium").version == 1

    def test_are_searched_by_afterwards(self, make_nc, correct):
        nc = make_nc(description="Bent pins")

        correct(nc, description="Käfer Risse")

        assert NonConformity.objects.get(pk=nc.pk).search_key == "kafer risse"
        assert set(AuditEntry.objects.get(action="NC_CORRECTED").changes) == {"description"}

    def test_ask_why(self, make_nc, correct):
        with pytest.raises(ReasonIsMissing):
            correct(make_nc(), reason=" ", lot_no="4712")

    def test_that_are_sent_as_they_stand_have_no_effect(self, make_supplier, make_nc, correct):
        supplier = make_supplier()
        first = make_nc(supplier_id=supplier.pk, part_no="4711-B")
        repeat = make_nc(supplier_id=supplier.pk, part_no="4711-B")

        corrected = correct(repeat, supplier_id=supplier.pk, severity="high", due_on=repeat.due_on, part_no="4711-B")

        assert corrected.repeat_of_id == first.pk
        assert corrected.due_on == repeat.created_at.date() + timedelta(days=30)

    def test_of_the_longest_texts_of_widest_letters_are_kept(self, make_nc, correct):
        nc = make_nc(description="\U0001f600" * 5000)

        assert correct(nc, description="\U0001f389" * 5000, reason="\U0001f600" * 2000).version == 2

    def test_take_a_concession_back_that_was_given_for_others(self, users, make_nc, correct):
        nc = make_nc()
        dispose_nonconformity(nc_id=nc.pk, disposition="use_as_is", reason="Works", actor=users["quality"])
        concede_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Drawing allows it")

        assert correct(nc, po_ref="45001").concession_by_id == users["admin"].pk
        assert correct(nc, description="A crack through the wall").concession_by_id is None

    def test_of_a_closed_case_are_not_corrected(self, users, make_nc, correct):
        nc = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])

        with pytest.raises(NonConformityIsClosed):
            correct(nc, lot_no="4712")

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"severity": "fatal"}, "severity"),
            ({"system": ""}, "system"),
            ({"category": "odd"}, "category"),
            ({"detected_at": "night"}, "detected_at"),
            ({"lot_no": "x" * 65}, "lot_no"),
            ({"part_no": "a\u200bb"}, "part_no"),
            ({"qty_defective": 3, "qty_received": 2}, "qty_defective"),
            ({"qty_received": -1}, "qty_received"),
            ({"cost": Decimal("-0.01")}, "cost"),
            ({"detected_on": date(1979, 12, 31)}, "detected_on"),
            ({"due_on": None}, "due_on"),
            ({"repeat_of_id": 4711}, "repeat_of"),
            ({"owner_id": 1}, "owner_id"),
            ({"status": "CLOSED"}, "status"),
        ],
    )
    def test_that_cannot_be_are_refused_by_their_field(self, make_nc, correct, row_counts, values, field):
        nc = make_nc()
        before = row_counts()

        with pytest.raises(DetailIsInvalid) as refusal:
            correct(nc, **values)

        assert refusal.value.field == field
        assert (row_counts(), NonConformity.objects.get().version) == (before, 1)

    def test_a_day_of_detection_is_not_still_to_come(self, make_nc, correct):
        with pytest.raises(DetailIsInvalid):
            correct(make_nc(), detected_on=timezone.now().date() + timedelta(days=3))

    def test_a_description_is_not_taken_away(self, make_nc, correct):
        with pytest.raises(DescriptionIsInvalid):
            correct(make_nc(), description=" ")

    def test_more_pieces_than_were_received_are_refused_whoever_said_which(self, make_nc, correct):
        nc = make_nc(qty_received=10)

        with pytest.raises(DetailIsInvalid, match="11 defective of 10 received"):
            correct(nc, qty_defective=11)


class TestAnotherSupplier:
    def test_moves_the_counts_from_one_to_the_other(self, make_supplier, make_nc, correct):
        first, second = make_supplier(), make_supplier()
        nc = make_nc(supplier_id=first.pk, severity="high")

        correct(nc, supplier_id=second.pk)

        assert (counts_of(first.pk), counts_of(second.pk)) == ((0, 0, 0, 0), (1, 1, 1, 0))
        assert_published(NonConformityCorrected, supplier_id=second.pk, previous_supplier_id=first.pk)

    def test_reassesses_both_suppliers(self, make_supplier, make_nc, correct, drain):
        first, second = make_supplier(), make_supplier()
        nc = make_nc(supplier_id=first.pk, severity="high")
        drain()

        correct(nc, supplier_id=second.pk)
        drain()

        levels = dict(Supplier.objects.values_list("pk", "risk_level"))
        assert (levels[first.pk], levels[second.pk]) == ("low", "high")

    def test_that_does_not_exist_is_refused_and_nothing_moves(self, make_nc, correct):
        nc = make_nc(severity="high")

        with pytest.raises(SupplierIsUnknown):
            correct(nc, supplier_id=4711)

        assert counts_of(nc.supplier_id) == (1, 1, 1, 0)
        assert not OutboxEvent.objects.filter(event_type="NC_CORRECTED").exists()

    def test_is_repeated_by_no_case_of_the_former_one_any_more(self, make_supplier, make_nc, correct):
        former = make_supplier().pk
        moved, later = make_nc(supplier_id=former), make_nc(supplier_id=former)
        NonConformity.objects.filter(pk=later.pk).update(repeat_of=moved)

        correct(moved, supplier_id=make_supplier().pk)

        later.refresh_from_db()
        assert later.repeat_of is None

    def test_takes_the_link_to_a_case_of_the_former_one_away(self, make_supplier, make_nc, correct):
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk, part_no="4711-B")
        repeat = make_nc(supplier_id=supplier.pk, part_no="4711-B")
        assert repeat.repeat_of_id is not None

        assert correct(repeat, supplier_id=make_supplier().pk).repeat_of_id is None


class TestAnotherSeverity:
    def test_counts_and_is_published_on_its_own(self, make_nc, correct):
        nc = make_nc(severity="medium")

        correct(nc, severity="high", reason="Safety-relevant")

        assert counts_of(nc.supplier_id) == (1, 1, 1, 0)
        assert_published(NonConformitySeverityChanged, old="medium", new="high", reason="Safety-relevant")

    def test_moves_a_due_date_that_nobody_chose(self, make_nc, correct):
        nc = make_nc(severity="medium")

        assert correct(nc, severity="high").due_on == nc.created_at.date() + timedelta(days=30)

    def test_leaves_a_due_date_that_somebody_chose(self, make_nc, correct):
        chosen = date(2031, 1, 31)
        nc = make_nc(severity="medium", due_on=chosen)

        assert correct(nc, severity="high").due_on == chosen
