"""What waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass

from django.db.models import F, Q

from ncs.choices import ActionStatus, NcStatus
from ncs.models import CorrectiveAction, CorrectiveActionQuerySet, NonConformity, NonConformityQuerySet
from ncs.services.people import OWNERS, owned_by_nobody
from qhse.accounts.models import User
from qhse.queries import Given, WrittenRecords
from suppliers import work as certificates
from suppliers.models import Certificate

MOST = 100  # of each list


@dataclass(frozen=True, slots=True)
class Work:
    """What waits for a person: the first hundred of each list, with the number of all."""

    cases_total: int
    cases: list[NonConformity]
    actions_total: int
    actions: list[CorrectiveAction]
    to_verify_total: int
    to_verify: list[CorrectiveAction]
    certificates_to_verify_total: int
    certificates_to_verify: list[Certificate]
    certificates_to_renew_total: int
    certificates_to_renew: list[Certificate]


def cases_of(user: User | Given) -> NonConformityQuerySet:
    """Return the open cases that a person owns, in the order in which they are due."""
    return NonConformity.objects.open().filter(owner=user).order_by(F("due_on").asc(nulls_last=True), "id")


def actions_of(user: User | Given) -> CorrectiveActionQuerySet:
    """Return a person's actions that are not completed, in the order in which they are due."""
    return CorrectiveAction.objects.running().filter(owner=user).order_by("due_on", "id")


def to_verify_by(user: User) -> CorrectiveActionQuerySet:
    """
    Return the completed actions that a person is to verify, the oldest first.

    Those are the ones of their own cases that somebody else completed. Of cases that nobody owns, or somebody who has
    left, and of those whose owner completed the action, everybody is meant who may.
    """
    if user.role not in OWNERS:
        return CorrectiveAction.objects.none()
    meant = Q(nc__owner=user) | owned_by_nobody("nc__owner") | Q(nc__owner=F("done_by"))
    return (
        CorrectiveAction.objects.filter(meant, status=ActionStatus.DONE, nc__status=NcStatus.OPEN)
        .exclude(done_by=user)
        .order_by("done_at", "id")
    )


# Somebody has hundreds of these. Written once, they cost half of the Python that the ORM needs to read them.
_OWNER = Given("owner", NonConformity._meta.get_field("owner"))
_cases = WrittenRecords(NonConformity, lambda: cases_of(_OWNER))
_actions = WrittenRecords(CorrectiveAction, lambda: actions_of(_OWNER))


def work_of(user: User) -> Work:
    cases, actions = _cases.page(MOST, 0, owner=user.pk), _actions.page(MOST, 0, owner=user.pk)
    to_verify = to_verify_by(user)
    unverified, ending = certificates.to_verify_by(user), certificates.to_renew_by(user)
    first_to_verify = list(to_verify[:MOST])
    first_unverified = list(unverified.select_related("supplier")[:MOST])
    first_ending = list(ending.select_related("supplier")[:MOST])
    return Work(
        cases_total=_all(cases, lambda: _cases.count(owner=user.pk)),
        cases=cases,
        actions_total=_all(actions, lambda: _actions.count(owner=user.pk)),
        actions=actions,
        to_verify_total=_all(first_to_verify, to_verify.count),
        to_verify=first_to_verify,
        certificates_to_verify_total=_all(first_unverified, unverified.count),
        certificates_to_verify=first_unverified,
        certificates_to_renew_total=_all(first_ending, ending.count),
        certificates_to_renew=first_ending,
    )


def _all(first: Sized, count: Callable[[], int]) -> int:
    """Return how many records a list has. It is counted only where there may be more than the first hundred."""
    return count() if len(first) == MOST else len(first)
