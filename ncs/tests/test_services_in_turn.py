"""Two writers meet at one NC, or at one supplier. The second waits and sees what the first did."""

from __future__ import annotations

from datetime import date

import pytest

from audit.models import AuditEntry
from ncs.choices import NcStatus
from ncs.services import close_nonconformity, open_nonconformity
from outbox.models import OutboxEvent
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.services import update_certification
from suppliers.tests.turns import in_turn

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

BORE = "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm"


def counts_of(supplier_id):
    return Supplier.objects.values_list("nc_total", "nc_open", "nc_open_high", "nc_open_medium").get(pk=supplier_id)


def entries(action):
    return AuditEntry.objects.filter(action=action).order_by("id")


class TestClosingBesideAnotherWriter:
    def test_a_second_closer_waits_and_finds_it_closed_by_the_first(self, users, make_nc):
        nc = make_nc(severity="high")

        def close(role, reason):
            closed = close_nonconformity(nc_id=nc.pk, actor=users[role], reason=reason)
            return closed.closed_by.username, closed.closure_reason

        results = in_turn(lambda: close("quality", "Lot sorted"), lambda: close("admin", "Used as is"))

        assert results == [("quality", "Lot sorted")] * 2
        assert [entry.reason for entry in entries("NC_CLOSED")] == ["Lot sorted"]
        assert OutboxEvent.objects.filter(event_type="NC_CLOSED").count() == 1
        assert counts_of(nc.supplier_id) == (1, 0, 0, 0)

    def test_a_second_closer_closes_it_when_the_first_is_broken_off(self, users, make_nc):
        nc = make_nc()

        def close(role):
            return close_nonconformity(nc_id=nc.pk, actor=users[role]).closed_by.username

        results = in_turn(lambda: close("quality"), lambda: close("admin"), commits=False)

        assert results == ["quality", "admin"]
        assert [entry.actor for entry in entries("NC_CLOSED")] == ["admin"]
        assert counts_of(nc.supplier_id) == (1, 0, 0, 0)

    def test_a_new_certificate_waits_and_loses_no_count_of_the_closing(self, users, make_nc):
        nc = make_nc(severity="high")

        def renew():
            return update_certification(
                supplier_id=nc.supplier_id, certification_expiry=date(2029, 6, 30), actor=users["procurement"]
            ).nc_open_high

        results = in_turn(lambda: close_nonconformity(nc_id=nc.pk, actor=users["quality"]).status, renew)

        assert results == [NcStatus.CLOSED, 0]
        assert counts_of(nc.supplier_id) == (1, 0, 0, 0)
        assert Supplier.objects.get().certification_expiry == date(2029, 6, 30)

    def test_a_closing_waits_for_a_new_certificate_and_keeps_it(self, users, make_nc):
        nc = make_nc(severity="high")

        def renew():
            return update_certification(
                supplier_id=nc.supplier_id, certification_expiry=date(2029, 6, 30), actor=users["procurement"]
            ).version

        results = in_turn(renew, lambda: close_nonconformity(nc_id=nc.pk, actor=users["quality"]).status)

        assert results == [2, NcStatus.CLOSED]
        assert Supplier.objects.get().certification_expiry == date(2029, 6, 30)
        assert counts_of(nc.supplier_id) == (1, 0, 0, 0)

    def test_the_worker_waits_and_concludes_from_the_counts_after_the_closing(self, users, make_nc):
        nc = make_nc(severity="high")
        reassess_suppliers(supplier_ids=[nc.supplier_id])

        results = in_turn(
            lambda: close_nonconformity(nc_id=nc.pk, actor=users["quality"]).status,
            lambda: reassess_suppliers(supplier_ids=[nc.supplier_id]),
        )

        assert results == [NcStatus.CLOSED, [nc.supplier_id]]
        assert Supplier.objects.get().risk_level == RiskLevel.LOW

    def test_two_ncs_of_one_supplier_are_closed_in_turn_and_both_counted(self, users, make_supplier, make_nc):
        supplier = make_supplier()
        one, other = (make_nc(supplier_id=supplier.pk, severity="medium").pk for _ in range(2))

        results = in_turn(
            lambda: close_nonconformity(nc_id=one, actor=users["quality"]).status,
            lambda: close_nonconformity(nc_id=other, actor=users["admin"]).status,
        )

        assert results == [NcStatus.CLOSED] * 2
        assert counts_of(supplier.pk) == (2, 0, 0, 0)


class TestOpeningBesideAnotherWriter:
    def test_two_openings_at_one_supplier_take_turns_and_both_are_counted(self, users, make_supplier):
        supplier = make_supplier().pk

        def open_one():
            nc = open_nonconformity(supplier_id=supplier, severity="high", description=BORE, actor=users["quality"])
            return nc.status

        results = in_turn(open_one, open_one)

        assert results == [NcStatus.OPEN] * 2
        assert counts_of(supplier) == (2, 2, 2, 0)
