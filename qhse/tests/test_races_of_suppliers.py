"""People who meet at a supplier that is merged or decided about, on PostgreSQL: nothing is lost, nothing twice."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from django.db import connection, transaction

from audit.models import AuditEntry
from dev.waiting import wait_until
from ncs.models import NonConformity
from ncs.services import (
    close_nonconformity,
    correct_nonconformity,
    open_nonconformity,
    reopen_nonconformity,
    void_nonconformity,
)
from outbox.models import OutboxEvent
from qhse.tests.test_races_of_cases import assert_counts_are_exact, attempt
from qhse.tests.waiting import at_once
from suppliers.errors import StatusIsNotEarned, SupplierIsMerged
from suppliers.models import Supplier
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    create_supplier,
    merge_supplier,
    update_certification,
)
from suppliers.services.coverage import recount
from suppliers.services.storing import locked_supplier
from suppliers.tests.made import a_certificate
from suppliers.tests.turns import in_turn

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def both(make_supplier):
    return make_supplier(), make_supplier()


@pytest.fixture
def merge(users):
    def call(source, target):
        return merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason="Recorded twice")

    return call


def case_of(supplier: Supplier, users: Any, severity: str = "high") -> NonConformity:
    return open_nonconformity(supplier_id=supplier.pk, severity=severity, description="Wet box", actor=users["quality"])


def left_over(source: Supplier) -> int:
    return NonConformity.objects.filter(supplier=source).count()


class TestAMergerAndACase:
    def test_that_is_recorded_first_moves(self, users, both, merge):
        source, target = both

        in_turn(lambda: case_of(source, users), lambda: merge(source, target))

        assert left_over(source) == 0
        assert NonConformity.objects.get().supplier == target
        assert_counts_are_exact()

    def test_that_is_recorded_afterwards_is_refused(self, users, both, merge):
        source, target = both

        _, refused = in_turn(lambda: merge(source, target), lambda: case_of(source, users))

        assert isinstance(refused, SupplierIsMerged)
        assert not NonConformity.objects.exists()
        assert_counts_are_exact()

    @pytest.mark.parametrize("merges_first", [True, False])
    def test_that_is_closed_meanwhile_is_closed_and_counted_at_the_one_that_is_left(
        self, users, both, merge, merges_first
    ):
        source, target = both
        nc = case_of(source, users)
        steps = [
            lambda: merge(source, target),
            lambda: close_nonconformity(nc_id=nc.pk, actor=users["quality"]),
        ]

        results = in_turn(*(steps if merges_first else steps[::-1]))

        assert not [each for each in results if isinstance(each, Exception)]
        nc.refresh_from_db()
        assert (nc.supplier, nc.status) == (target, "CLOSED")
        assert_counts_are_exact()

    @pytest.mark.parametrize("attempt", range(4))  # who comes first is chance
    def test_that_comes_and_is_closed_while_the_merger_waits_is_waited_for_and_not_deadlocked(
        self, users, both, merge, attempt
    ):
        """
        The merger has locked the cases there were, and waits for the supplier. Then one more is recorded; somebody
        locks it, and would wait for the supplier while the merger waits for the case.
        """
        source, target = both
        case_of(source, users)
        recorded, closing = threading.Event(), threading.Event()
        new: list[int] = []

        def record_one_and_hold() -> None:
            with transaction.atomic():
                new.append(case_of(source, users).pk)
                recorded.set()
                wait_until(lambda: waiting() >= 1, what="the merger to wait for the supplier")
            closing.set()

        def merge_meanwhile() -> Any:
            assert recorded.wait(20)
            return merge(source, target)

        def close_it() -> Any:
            assert closing.wait(20)
            return close_nonconformity(nc_id=new[0], actor=users["quality"])

        results = at_once(3, lambda n: (record_one_and_hold, merge_meanwhile, close_it)[n]())

        assert not [each for each in results if isinstance(each, Exception)], results
        assert left_over(source) == 0
        assert_counts_are_exact()


def waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


class TestAMergerAndACertificate:
    @pytest.mark.parametrize("merges_first", [True, False])
    def test_belongs_to_the_one_that_is_left_or_is_refused(self, users, both, merge, merges_first):
        source, target = both

        @transaction.atomic
        def hand_in() -> None:
            """As the service does: under the supplier's lock."""
            supplier = locked_supplier(source.pk)
            a_certificate(supplier, users["procurement"])
            recount(supplier)

        steps = [lambda: merge(source, target), hand_in]
        results = in_turn(*(steps if merges_first else steps[::-1]))

        assert isinstance(results[1], SupplierIsMerged) == merges_first
        assert not source.certificates.exists()
        assert target.certificates.count() == int(not merges_first)


class TestTwoMergers:
    def test_of_two_the_other_way_round_one_is_refused(self, both, merge):
        first, second = both

        results = in_turn(lambda: merge(first, second), lambda: merge(second, first))

        assert isinstance(results[1], SupplierIsMerged)
        assert list(Supplier.objects.standing()) == [second]

    def test_in_a_row_leave_no_chain_and_take_everything_along(self, users, both, merge, make_supplier):
        first, second = both
        third = make_supplier()
        for supplier in (first, second):
            case_of(supplier, users)

        results = in_turn(lambda: merge(first, second), lambda: merge(second, third))

        assert not [each for each in results if isinstance(each, Exception)], results
        assert set(Supplier.objects.exclude(pk=third.pk).values_list("merged_into_id", flat=True)) == {third.pk}
        assert set(NonConformity.objects.values_list("supplier_id", flat=True)) == {third.pk}
        assert_counts_are_exact()

    def test_of_the_same_two_is_one(self, both, merge):
        results = in_turn(lambda: merge(*both), lambda: merge(*both))

        assert [each.version for each in results] == [2, 2]
        assert OutboxEvent.objects.filter(event_type="SUPPLIER_MERGED").count() == 2
        assert AuditEntry.objects.filter(action="SUPPLIER_MERGED").count() == 1


def test_merging_and_all_that_is_done_to_cases_at_once_leave_exact_counts(users, make_supplier):
    suppliers = [make_supplier() for _ in range(6)]
    cases = [case_of(supplier, users).pk for supplier in suppliers for _ in range(3)]

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(20):
            given = {"nc_id": rng.choice(cases), "actor": users["quality"], "reason": "Race"}
            supplier, other = rng.sample(suppliers, 2)
            values = {"supplier_id": supplier.pk, "severity": rng.choice(["low", "medium", "high"])}
            match rng.randrange(7):
                case 0:
                    attempt(close_nonconformity, **given)
                case 1:
                    attempt(void_nonconformity, **given)
                case 2:
                    attempt(reopen_nonconformity, **given)
                case 3:
                    attempt(correct_nonconformity, **given, values=values)
                case 4:
                    attempt(open_nonconformity, **values, description="Wet box", actor=users["quality"])
                case 5 if rng.randrange(2):
                    both = {"supplier_id": supplier.pk, "into_id": other.pk}
                    attempt(merge_supplier, **both, actor=users["admin"], reason="Race")
                case _:
                    change = {"supplier_id": supplier.pk, "actor": users["admin"], "reason": "Race"}
                    attempt(correct_supplier, **change, values={"country": rng.choice(["DE", "IT", "FR"])})

    assert at_once(6, work) == [None] * 6
    assert_counts_are_exact()
    merged = Supplier.objects.filter(merged_into__isnull=False)
    assert merged
    assert not NonConformity.objects.filter(supplier__in=merged).exists()
    assert not Supplier.objects.filter(merged_into__merged_into__isnull=False).exists()


class TestAStatus:
    def test_is_not_earned_by_a_case_that_is_opened_first(self, users, make_supplier):
        supplier = make_supplier()
        decide = {"supplier_id": supplier.pk, "actor": users["quality"], "reason": "Audit"}
        change_supplier_status(**decide, status="conditional")
        change_supplier_status(**decide, status="suspended")

        _, refused = in_turn(
            lambda: case_of(supplier, users), lambda: change_supplier_status(**decide, status="approved")
        )

        assert isinstance(refused, StatusIsNotEarned)

    def test_that_two_decide_at_once_is_decided_once_and_from_where_it_then_is(self, users, make_supplier):
        supplier = make_supplier()
        decide = {"supplier_id": supplier.pk, "actor": users["admin"], "reason": "Audit"}

        results = in_turn(
            lambda: change_supplier_status(**decide, status="conditional").status,
            lambda: change_supplier_status(**decide, status="approved").status,
        )

        assert results == ["conditional", "approved"]
        entries = AuditEntry.objects.filter(action="SUPPLIER_STATUS_CHANGED").order_by("id")
        assert [entry.changes["status"] for entry in entries] == [
            ["pending", "conditional"], ["conditional", "approved"]
        ]  # fmt: skip


class TestACorrection:
    def test_to_a_name_that_is_being_given_is_refused(self, users, make_supplier):
        supplier = make_supplier(name="Rhein Castings")

        _, refused = in_turn(
            lambda: create_supplier(name="Tyne Castings", actor=users["procurement"]),
            lambda: attempt(
                correct_supplier, supplier_id=supplier.pk, values={"name": "TYNE castings"}, actor=users["procurement"],
                reason="Renamed",
            ),
        )  # fmt: skip

        assert refused == "duplicate_name"
        assert Supplier.objects.get(pk=supplier.pk).name == "Rhein Castings"

    def test_and_a_new_date_are_both_kept(self, users, make_supplier):
        supplier = make_supplier()
        change = {"supplier_id": supplier.pk, "actor": users["procurement"], "reason": "Renewed"}

        in_turn(
            lambda: correct_supplier(**change, values={"country": "DE"}),
            lambda: update_certification(**change, certification_expiry=supplier.created_at.date()),
        )

        supplier.refresh_from_db()
        assert (supplier.country, supplier.version) == ("DE", 3)
        assert supplier.certification_expiry is not None
