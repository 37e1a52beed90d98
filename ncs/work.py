"""What waits for a person."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, Q

from ncs.choices import ActionStatus, NcStatus
from ncs.models import CorrectiveAction, CorrectiveActionQuerySet, NonConformity, NonConformityQuerySet
from ncs.services.people import OWNERS, owned_by_nobody
from qhse.accounts.models import User
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


def cases_of(user: User) -> NonConformityQuerySet:
    """Return the open cases that a person owns, in the order in which they are due."""
    return NonConformity.objects.open().filter(owner=user).order_by(F("due_on").asc(nulls_last=True), "id")


def actions_of(user: User) -> CorrectiveActionQuerySet:
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


def work_of(user: User) -> Work:
    cases, actions, to_verify = cases_of(user), actions_of(user), to_verify_by(user)
    unverified, ending = certificates.to_verify_by(user), certificates.to_renew_by(user)
    return Work(
        cases_total=cases.count(),
        cases=list(cases[:MOST]),
        actions_total=actions.count(),
        actions=list(actions[:MOST]),
        to_verify_total=to_verify.count(),
        to_verify=list(to_verify[:MOST]),
        certificates_to_verify_total=unverified.count(),
        certificates_to_verify=list(unverified.select_related("supplier")[:MOST]),
        certificates_to_renew_total=ending.count(),
        certificates_to_renew=list(ending.select_related("supplier")[:MOST]),
    )
