"""Closing a case, closing it as a mistake, and opening it again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from audit.services import record
from ncs.choices import CLOSING_CODES, ActionStatus, ClosureCode, Disposition, Gap, NcStatus
from ncs.errors import (
    ConcessionIsMissing,
    DetailIsInvalid,
    EvidenceIsMissing,
    MayNotOverride,
    NonConformityHasOpenActions,
    NonConformityMoveIsForbidden,
)
from ncs.events import NonConformityClosed, NonConformityReopened
from ncs.models import NonConformity
from ncs.services.actions import cancel_running, restore_follow_ups
from ncs.services.fields import demanded, due_by
from ncs.services.repeating import link_anew
from ncs.services.storing import locked, store_change
from ncs.workflow import gaps_of, may_move
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.text import plain
from suppliers.services import count_nonconformity_closed, count_nonconformity_reopened, count_nonconformity_voided


@transaction.atomic
def close_nonconformity(
    *,
    nc_id: int,
    actor: User,
    reason: str = "",
    closure_code: str = "",
    gate: str = "record",
    override: bool = False,
    expected_versions: Collection[int] | None = None,
) -> NonConformity:
    """
    Close a non-conformity, once.

    Status, supplier's counts, audit entry and NonConformityClosed event are stored together or not at all. Locks the
    NC, then its supplier. Closing a closed one changes and publishes nothing, so a client may repeat the call after a
    lost answer.

    Without a `closure_code` it is a concession where the product is used as it is, else corrected. What evidence is
    missing is stored as `closure_gaps` if the `gate` is "record". If it is "enforce", nothing may be missing, unless an
    administrator overrides it with a reason.

    Raises NonConformityNotFound; RecordHasChanged when the NC's version is not among the `expected_versions`, where
    None expects nothing. Whatever the gate: NonConformityHasOpenActions, ConcessionIsMissing. EvidenceIsMissing,
    MayNotOverride, ReasonIsMissing, DetailIsInvalid.
    """
    nc = locked(nc_id, expected_versions)
    if nc.status == NcStatus.CLOSED:
        return nc
    if not may_move(nc.status, NcStatus.CLOSED):
        raise NonConformityMoveIsForbidden(f"{nc.number} is {nc.status} and cannot be closed.")
    code = _code(nc, closure_code or (ClosureCode.CONCESSION if _is_used(nc) else ClosureCode.CORRECTED))
    reason = plain(reason)
    _demand_settled(nc)
    gaps = [] if code == ClosureCode.DUPLICATE else gaps_of(nc)
    if gaps and gate == "enforce":
        reason = _overridden(nc, gaps, actor, reason, override)
    _close(nc, code, gaps, actor, reason)
    count_nonconformity_closed(supplier_id=nc.supplier_id, severity=nc.severity)
    return nc


@transaction.atomic
def void_nonconformity(
    *, nc_id: int, actor: User, reason: str, expected_versions: Collection[int] | None = None
) -> NonConformity:
    """
    Close a case that was recorded by mistake. It counts against nobody; what of its actions runs is cancelled.

    Stored, published, locked and repeated as by `close_nonconformity`, with `unfounded` as the closure code. Each
    cancelled action has an audit entry and an ActionCancelled event too. Cases that repeat it repeat it no more.

    Raises NonConformityNotFound, RecordHasChanged, ReasonIsMissing; NonConformityMoveIsForbidden if it was closed as
    something else.
    """
    reason = demanded(reason, to="to void a case")
    nc = locked(nc_id, expected_versions)
    if nc.status == NcStatus.CLOSED:
        if nc.closure_code == ClosureCode.UNFOUNDED:
            return nc
        raise NonConformityMoveIsForbidden(f"{nc.number} is closed already. Reopen it first.")
    cancel_running(nc, actor=actor, reason=reason)
    _close(nc, ClosureCode.UNFOUNDED, [], actor, reason)
    link_anew(nc, actor=actor, reason=reason)
    count_nonconformity_voided(supplier_id=nc.supplier_id, severity=nc.severity)
    return nc


@transaction.atomic
def reopen_nonconformity(
    *, nc_id: int, actor: User, reason: str, expected_versions: Collection[int] | None = None
) -> NonConformity:
    """
    Open a closed case again. What was said and done stays; how it was closed stands in the trail alone.

    A concession has to be given anew. Follow-ups of actions that were not effective, which voiding had cancelled, are
    open again.

    Status, supplier's counts, audit entry and NonConformityReopened event are stored together or not at all. Locks the
    case, then its supplier. Reopening an open one changes and publishes nothing.

    Raises NonConformityNotFound, RecordHasChanged, ReasonIsMissing.
    """
    reason = demanded(reason, to="to reopen a case")
    nc = locked(nc_id, expected_versions)
    if nc.status == NcStatus.OPEN:
        return nc
    was_void = nc.closure_code == ClosureCode.UNFOUNDED
    values: dict[str, Any] = {
        "status": NcStatus.OPEN.value,
        "closed_at": None,
        "closed_by_id": None,
        "closure_reason": "",
        "closure_code": "",
        "closure_gaps": [],
        "reopened_count": nc.reopened_count + 1,
    }
    values |= {
        "due_on": nc.due_on or due_by(nc.severity, clock.today()),
        "overdue_told": None,
        "concession_by_id": None,
    }
    store_change(nc, values, actor=actor, action="NC_REOPENED", reason=reason)
    restore_follow_ups(nc, actor=actor, reason=reason)
    count_nonconformity_reopened(supplier_id=nc.supplier_id, severity=nc.severity, was_void=was_void)
    publish(
        NonConformityReopened(
            nc_id=nc.pk,
            supplier_id=nc.supplier_id,
            severity=nc.severity,
            reason=reason,
            reopened_count=nc.reopened_count,
        ),
        actor=actor,
    )
    return nc


def _is_used(nc: NonConformity) -> bool:
    return bool(nc.disposition == Disposition.USE_AS_IS)


def _code(nc: NonConformity, code: str) -> str:
    known = [each for each, _ in CLOSING_CODES]
    if code not in known:
        raise DetailIsInvalid(f"The closure code must be one of {', '.join(known)}.", field="closure_code")
    if code != ClosureCode.DUPLICATE and (code == ClosureCode.CONCESSION) != _is_used(nc):
        raise DetailIsInvalid("A case is closed by concession if the product is used as it is.", field="closure_code")
    if code == ClosureCode.DUPLICATE and nc.repeat_of_id is None:
        raise DetailIsInvalid("Correct the case first: name the earlier one that it repeats.", field="closure_code")
    return str(code)


def _demand_settled(nc: NonConformity) -> None:
    if nc.actions_open or nc.actions_to_verify:
        waiting = [
            f"{action.title} (number {action.pk}: {action.get_status_display().lower()})"
            for action in nc.actions.exclude(
                status__in=(ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE, ActionStatus.CANCELLED)
            ).order_by("pk")[:5]
        ]
        raise NonConformityHasOpenActions(
            f"{nc.number} has actions that are not verified or cancelled: {'; '.join(waiting)}."
        )
    if _is_used(nc) and nc.concession_by_id is None:
        raise ConcessionIsMissing(
            f"{nc.number} is to be used as it is: a concession is missing, by somebody else than who reported or "
            "corrected it."
        )


def _overridden(nc: NonConformity, gaps: list[Gap], actor: User, reason: str, override: bool) -> str:
    """Return the reason with which an administrator closes a case without its evidence."""
    if not override:
        raise EvidenceIsMissing(f"{nc.number} lacks {', '.join(gap.label for gap in gaps)}.")
    if actor.role != Role.ADMIN:
        raise MayNotOverride("Only an administrator closes a case without its evidence.")
    return demanded(reason, to="to close a case without its evidence")


def _close(nc: NonConformity, code: str, gaps: list[Gap], actor: User, reason: str) -> None:
    values = {
        "status": NcStatus.CLOSED.value,
        "closed_by_id": actor.pk,
        "closure_reason": reason,
        "closure_code": str(code),
        "closure_gaps": [gap.value for gap in gaps],
    }
    told = {name: (getattr(nc, name), values[name]) for name in ("status", "closure_code", "closure_gaps")}
    NonConformity.objects.filter(pk=nc.pk).update(**values, closed_at=Now(), version=nc.version + 1)
    record(
        actor=actor,
        action="NC_CLOSED",
        entity_type="nonconformity",
        entity_id=nc.pk,
        changes={name: pair for name, pair in told.items() if pair[0] != pair[1]},
        reason=reason,
    )
    nc.refresh_from_db()
    days = (nc.closed_at - nc.created_at).days if nc.closed_at else None
    publish(
        NonConformityClosed(
            nc_id=nc.pk,
            supplier_id=nc.supplier_id,
            severity=nc.severity,
            closure_code=nc.closure_code,
            days_open=days,
            closure_gaps=nc.closure_gaps,
        ),
        actor=actor,
    )
