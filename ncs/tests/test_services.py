"""Writes to NCs: stored with counts, entry and event, and a closing only once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from audit.models import AuditEntry
from ncs.choices import NcStatus
from ncs.errors import DescriptionIsInvalid, DetailIsInvalid, NonConformityMoveIsForbidden, NonConformityNotFound
from ncs.events import NonConformityClosed, NonConformityOpened
from ncs.models import NonConformity
from ncs.services import MAX_DESCRIPTION, close_nonconformity, open_nonconformity
from ncs.workflow import MOVES
from outbox.testing import assert_nothing_published, assert_published, assert_publishes, assert_publishes_nothing
from qhse.errors import RecordHasChanged
from suppliers.choices import Severity
from suppliers.errors import SupplierIsUnknown
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

BORE = "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm"


def counts_of(supplier_id):
    return Supplier.objects.values_list("nc_total", "nc_open", "nc_open_high", "nc_open_medium").get(pk=supplier_id)


def entries(action):
    return AuditEntry.objects.filter(action=action).order_by("id")


class TestOpenNonconformity:
    def test_stores_an_open_one_with_who_reported_it(self, users, make_supplier):
        supplier = make_supplier()

        nc = open_nonconformity(
            supplier_id=supplier.pk, severity="high", description=f"  {BORE}\n", actor=users["quality"]
        )

        assert (nc.supplier_id, nc.severity, nc.status) == (supplier.pk, Severity.HIGH, NcStatus.OPEN)
        assert (nc.description, nc.reported_by, nc.version) == (BORE, users["quality"], 1)
        assert (nc.closed_at, nc.closed_by, nc.closure_reason) == (None, None, "")
        assert nc.number == f"NC-{nc.created_at.year}-{nc.pk:05d}"

    @pytest.mark.parametrize(
        ("severity", "counts"), [("high", (1, 1, 1, 0)), ("medium", (1, 1, 0, 1)), ("low", (1, 1, 0, 0))]
    )
    def test_counts_it_on_its_supplier_and_no_other(self, users, make_supplier, severity, counts):
        supplier, other = make_supplier(), make_supplier()

        open_nonconformity(supplier_id=supplier.pk, severity=severity, description=BORE, actor=users["quality"])

        assert counts_of(supplier.pk) == counts
        assert counts_of(other.pk) == (0, 0, 0, 0)

    def test_leaves_every_value_in_the_trail_and_one_event(self, users, make_supplier):
        supplier = make_supplier()

        nc = open_nonconformity(supplier_id=supplier.pk, severity="high", description=BORE, actor=users["quality"])

        entry = entries("NC_CREATED").get()
        assert (entry.entity_type, entry.entity_id, entry.actor) == ("nonconformity", str(nc.pk), "quality")
        assert entry.changes == {
            "supplier_id": [None, supplier.pk],
            "severity": [None, "high"],
            "status": [None, "OPEN"],
            "description": [None, BORE],
            "due_on": [None, (nc.created_at.date() + timedelta(days=30)).isoformat()],
        }
        event = assert_published(NonConformityOpened, nc_id=nc.pk, supplier_id=supplier.pk, severity="high")
        assert event.headers["actor"] == "quality"

    @pytest.mark.parametrize(
        "description", ["", " \n\t ", "x" * (MAX_DESCRIPTION + 1)], ids=["empty", "white space", "5001 characters"]
    )
    def test_refuses_a_finding_that_nobody_described(self, users, make_supplier, row_counts, description):
        supplier = make_supplier()
        before = row_counts()

        with pytest.raises(DescriptionIsInvalid, match="1 to 5000 characters") as refusal:
            open_nonconformity(supplier_id=supplier.pk, severity="low", description=description, actor=users["quality"])

        assert refusal.value.field == "description"
        assert row_counts() == before
        assert counts_of(supplier.pk) == (0, 0, 0, 0)

    def test_counts_the_length_without_the_white_space_at_the_ends(self, users, make_supplier):
        description = "µ" * MAX_DESCRIPTION

        nc = open_nonconformity(
            supplier_id=make_supplier().pk, severity="low", description=f" {description} ", actor=users["quality"]
        )

        assert nc.description == description

    def test_refuses_a_supplier_that_does_not_exist(self, users):
        with pytest.raises(SupplierIsUnknown, match="no supplier 4711") as refusal:
            open_nonconformity(supplier_id=4711, severity="low", description=BORE, actor=users["quality"])

        assert refusal.value.field == "supplier_id"
        assert_nothing_published()

    def test_leaves_no_count_behind_when_the_severity_is_unknown(self, users, make_supplier, row_counts):
        supplier = make_supplier()
        before = row_counts()

        with pytest.raises(DetailIsInvalid, match="one of low, medium, high"):
            open_nonconformity(supplier_id=supplier.pk, severity="fatal", description=BORE, actor=users["quality"])

        assert row_counts() == before
        assert counts_of(supplier.pk) == (0, 0, 0, 0)

    def test_belongs_to_the_transaction_of_its_caller(self, users, make_supplier, row_counts):
        supplier = make_supplier()
        before = row_counts()

        with transaction.atomic():
            open_nonconformity(supplier_id=supplier.pk, severity="high", description=BORE, actor=users["quality"])
            transaction.set_rollback(True)

        assert row_counts() == before
        assert counts_of(supplier.pk) == (0, 0, 0, 0)


class TestCloseNonconformity:
    def test_stores_who_closed_it_when_and_why(self, users, make_nc):
        nc = make_nc()

        closed = close_nonconformity(nc_id=nc.pk, actor=users["admin"], reason=" Lot sorted, 8D report accepted ")

        assert (closed.status, closed.closed_by, closed.version) == (NcStatus.CLOSED, users["admin"], 2)
        assert closed.closure_reason == "Lot sorted, 8D report accepted"
        assert closed.closed_at >= nc.created_at

    def test_changes_nothing_that_was_found(self, users, make_nc):
        nc = make_nc(severity="high")
        found = ("supplier_id", "severity", "description", "reported_by_id", "created_at")
        before = NonConformity.objects.values(*found).get(pk=nc.pk)

        close_nonconformity(nc_id=nc.pk, actor=users["admin"])

        assert NonConformity.objects.values(*found).get(pk=nc.pk) == before

    @pytest.mark.parametrize("severity", Severity)
    def test_takes_it_off_what_is_open_and_leaves_it_in_the_total(self, users, make_nc, severity):
        nc = make_nc(severity=severity.value)

        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        assert counts_of(nc.supplier_id) == (1, 0, 0, 0)

    def test_leaves_the_reason_in_the_trail_beside_the_change(self, users, make_nc):
        nc = make_nc(severity="high")

        with assert_publishes(NonConformityClosed, nc_id=nc.pk, supplier_id=nc.supplier_id, severity="high"):
            close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason=" Replacement inspected ")

        entry = entries("NC_CLOSED").get()
        assert (entry.entity_type, entry.entity_id, entry.actor) == ("nonconformity", str(nc.pk), "quality")
        assert entry.changes == {
            "status": ["OPEN", "CLOSED"],
            "closure_code": ["", "corrected"],
            "closure_gaps": [[], ["containment", "disposition", "root_cause", "effective_action"]],
        }
        assert entry.reason == "Replacement inspected"

    def test_demands_no_reason(self, users, make_nc):
        closed = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])

        assert (closed.closure_reason, entries("NC_CLOSED").get().reason) == ("", "")

    def test_repeated_changes_and_announces_nothing(self, users, make_supplier, make_nc, row_counts):
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk)
        nc = make_nc(supplier_id=supplier.pk)
        first = close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Lot sorted")
        before = row_counts()

        with assert_publishes_nothing():
            second = close_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Used as is")

        assert row_counts() == before
        assert counts_of(supplier.pk) == (2, 1, 0, 1)
        for field in ("closed_at", "closed_by", "closure_reason", "version"):
            assert getattr(second, field) == getattr(first, field), field

    def test_asks_for_the_version_that_its_caller_has_read(self, users, make_nc):
        closed = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"], expected_versions=(1, 7))

        assert closed.version == 2

    def test_refuses_a_caller_who_has_read_another_version(self, users, make_nc):
        nc = make_nc()

        with assert_publishes_nothing(), pytest.raises(RecordHasChanged):
            close_nonconformity(nc_id=nc.pk, actor=users["quality"], expected_versions=(2,))

        assert NonConformity.objects.get().status == NcStatus.OPEN

    def test_refuses_a_repeat_by_a_caller_who_has_not_seen_the_closing(self, users, make_nc):
        nc = make_nc()
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        with pytest.raises(RecordHasChanged):
            close_nonconformity(nc_id=nc.pk, actor=users["admin"], expected_versions=(nc.version,))

    def test_refuses_one_that_does_not_exist(self, users):
        with pytest.raises(NonConformityNotFound, match="no non-conformity 4711"):
            close_nonconformity(nc_id=4711, actor=users["quality"])

        assert_nothing_published()

    def test_refuses_a_move_that_the_workflow_does_not_have(self, users, make_nc, monkeypatch):
        nc = make_nc()
        monkeypatch.setitem(MOVES, NcStatus.OPEN, frozenset())

        with (
            assert_publishes_nothing(),
            pytest.raises(NonConformityMoveIsForbidden, match="is OPEN and cannot be closed"),
        ):
            close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        assert counts_of(nc.supplier_id) == (1, 1, 0, 1)
