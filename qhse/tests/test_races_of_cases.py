"""People who work on one case at once, on PostgreSQL: exact counts, one verdict, nothing closed over an open action."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from django.db.models import Count, Q

from ncs.models import CorrectiveAction, NonConformity
from ncs.services import (
    close_nonconformity,
    complete_action,
    correct_nonconformity,
    open_action,
    reopen_nonconformity,
    start_action,
    verify_action,
    void_nonconformity,
)
from outbox.models import OutboxEvent
from qhse.accounts.services.users import create_user
from qhse.errors import DomainError
from qhse.tests.waiting import at_once
from suppliers.models import Supplier

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def attempt(service: Any, **arguments: Any) -> str:
    """Call a service; return its name, or the code of its refusal."""
    try:
        service(**arguments)
    except DomainError as refusal:
        return refusal.code
    return str(service.__name__)


def assert_counts_are_exact() -> None:
    void = Q(closure_code="unfounded")
    for supplier in Supplier.objects.all():
        counted = NonConformity.objects.filter(supplier=supplier).aggregate(
            nc_total=Count("id", filter=~void),
            nc_void=Count("id", filter=void),
            nc_open=Count("id", filter=Q(status="OPEN")),
            nc_open_high=Count("id", filter=Q(status="OPEN", severity="high")),
            nc_open_medium=Count("id", filter=Q(status="OPEN", severity="medium")),
        )
        assert {name: getattr(supplier, name) for name in counted} == counted
    for nc in NonConformity.objects.all():
        counted = nc.actions.aggregate(
            actions_open=Count("id", filter=Q(status__in=["OPEN", "IN_PROGRESS"])),
            actions_to_verify=Count("id", filter=Q(status="DONE")),
            actions_effective=Count("id", filter=Q(status="EFFECTIVE")),
        )
        assert {name: getattr(nc, name) for name in counted} == counted


def test_of_many_who_verify_one_action_one_does(users, make_nc):
    nc = make_nc()
    action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
    start_action(action_id=action.pk, actor=users["quality"])
    complete_action(action_id=action.pk, note="Changed", actor=users["quality"])

    said = at_once(20, lambda n: attempt(
        verify_action, action_id=action.pk, effective=n % 2 == 0, note="Looked", actor=users["admin"],
    ))  # fmt: skip

    assert Counter(said) == {"verify_action": 1, "forbidden_move": 19}
    assert OutboxEvent.objects.filter(event_type="CAPA_VERIFIED").count() == 1
    assert_counts_are_exact()


def test_a_case_is_never_closed_over_an_action_that_somebody_opens_meanwhile(users, make_nc):
    cases = [make_nc().pk for _ in range(30)]

    def work(n: int) -> list[str]:
        if n % 2:
            return [attempt(close_nonconformity, nc_id=pk, actor=users["quality"]) for pk in cases]
        plan = {"kind": "corrective", "title": "New tool", "actor": users["quality"]}
        return [attempt(open_action, nc_id=pk, **plan) for pk in cases]

    said = Counter(each for answers in at_once(6, work) for each in answers)

    assert set(said) <= {"close_nonconformity", "open_action", "open_actions", "case_is_closed"}
    closed = NonConformity.objects.filter(status="CLOSED")
    assert not CorrectiveAction.objects.filter(nc__in=closed, status="OPEN").exists()
    assert_counts_are_exact()


def test_a_step_of_an_action_and_the_end_of_its_case_wait_for_each_other_and_in_no_circle(users, make_nc):
    """Who voids a case cancels its actions. Without the case's lock the step would hold an action and want the case."""
    cases = [make_nc().pk for _ in range(30)]
    actions = [
        open_action(nc_id=pk, kind="containment", title="Sort the stock", actor=users["quality"]).pk for pk in cases
    ]

    def work(n: int) -> list[str]:
        if n % 2:
            return [attempt(void_nonconformity, nc_id=pk, actor=users["admin"], reason="Twice") for pk in cases]
        return [attempt(complete_action, action_id=pk, actor=users["quality"], note="Sorted") for pk in actions]

    results = at_once(6, work)

    assert not [each for each in results if isinstance(each, Exception)], results
    said = Counter(each for answers in results for each in answers)
    assert set(said) <= {
        "void_nonconformity", "complete_action", "case_is_closed", "forbidden_move",
    }, said  # fmt: skip
    assert not CorrectiveAction.objects.filter(status__in=("OPEN", "IN_PROGRESS")).exists()
    assert_counts_are_exact()


def test_closing_correcting_voiding_and_reopening_at_once_leave_exact_counts(users, make_supplier, make_nc):
    suppliers = [make_supplier().pk for _ in range(3)]
    cases = [make_nc(supplier_id=suppliers[0], severity="high").pk for _ in range(6)]
    lena = create_user(username="lena", password=None, role="quality", actor=None)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            given = {"nc_id": rng.choice(cases), "actor": rng.choice([users["quality"], lena]), "reason": "Race"}
            values = {"supplier_id": rng.choice(suppliers), "severity": rng.choice(["low", "medium", "high"])}
            service = rng.choice([close_nonconformity, void_nonconformity, reopen_nonconformity, correct_nonconformity])
            attempt(service, **given, **({"values": values} if service is correct_nonconformity else {}))

    assert at_once(6, work) == [None] * 6
    assert_counts_are_exact()
