"""Verifications of the whole trail: somebody starts one, and the workers do it between events."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.errors import VerificationIsRunning
from audit.models import AuditSeal, TrailVerification, VerificationState
from audit.proof.findings import Finding
from audit.proof.marks import is_our_state, mark_of_state
from audit.proof.pieces import PiecewiseVerification
from audit.proof.verification import record_verification
from audit.services import record
from qhse.accounts.models import User
from qhse.database import bound_transaction
from qhse.wakeup import wake_workers

logger = logging.getLogger("audit.verifying")

PIECE_SECONDS = 1.0
"""Events wait for as long. On SQLite everybody who writes does."""
LOCK_SECONDS, STATEMENT_SECONDS = 2, 8
MOST_TRIES = 5
STARTED, ENTITY = "AUDIT_TRAIL_VERIFICATION_STARTED", "audit_verification"
PURPOSE = "verification"
GIVEN_UP = "the verification did not get past here in so many tries: run manage.py verify_audit_trail"
FORGED = "somebody has changed where the verification stood, so it began anew"


@transaction.atomic
def start_verification(*, actor: User) -> TrailVerification:
    """
    Let the workers verify the whole trail.

    The row and its audit entry are stored together or not at all. A unique index admits one that runs.
    Raises VerificationIsRunning.
    """
    seals = AuditSeal.objects.count()
    try:
        with transaction.atomic():
            verification = TrailVerification.objects.create(started_by=actor, seals_expected=seals)
    except IntegrityError as error:
        running = TrailVerification.objects.filter(state=VerificationState.RUNNING).select_related("started_by").first()
        if running is None:
            raise
        raise VerificationIsRunning(
            f"The trail is being verified already: {running.started_by.username} started it at "
            f"{running.started_at:%Y-%m-%d %H:%M} UTC.", existing=running,
        ) from error  # fmt: skip
    _put(verification, {})
    record(actor=actor, action=STARTED, entity_type=ENTITY, entity_id=verification.pk, changes={"seals": (None, seals)})
    wake_workers()
    verification.refresh_from_db()
    return verification


def go_on_verifying() -> bool:
    """
    Do a piece of the verification that runs, if one does. Return whether more of it is left.

    One worker has its row locked while it works; others pass it over. Where it stands is stored with what was found, so
    that another worker goes on there after a crash. The end and its entry in the trail are stored together: who started
    it, and what was found. After MOST_TRIES of the same piece it is given up, which is a finding.
    """
    if not TrailVerification.objects.filter(state=VerificationState.RUNNING).exists():
        return False
    if not _count_try():
        return False
    with transaction.atomic():
        bound_transaction(lock=LOCK_SECONDS, statement=STATEMENT_SECONDS)
        running = _taken()
        if running is None:
            return False
        walk = _standing(running)
        over = walk.go_on(seconds=PIECE_SECONDS)
        running.tries = 0
        _put(running, walk.stands_at)
        if over:
            _end(running, VerificationState.DONE)
            record_verification(walk, running.started_by, as_whole=True)
    return not over


@transaction.atomic
def _count_try() -> bool:
    """Note that the next piece is begun: what kills a worker must not do so for ever. False if nobody may begin it."""
    bound_transaction(lock=LOCK_SECONDS, statement=STATEMENT_SECONDS)
    running = _taken()
    if running is None:
        return False
    if running.tries < MOST_TRIES:
        TrailVerification.objects.filter(pk=running.pk).update(tries=F("tries") + 1)
        return True
    walk = _standing(running)
    logger.error("the verification of the trail is given up behind seal %d", walk.stands_at["link"][0])
    walk.add(Finding("seal", walk.stands_at["link"][0] + 1, GIVEN_UP))
    _put(running, walk.stands_at)
    _end(running, VerificationState.STOPPED)
    record_verification(walk, running.started_by, as_whole=False)
    return False


def _taken() -> TrailVerification | None:
    """Lock the verification that runs until the transaction ends. None if another worker has it."""
    running = TrailVerification.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return running.select_related("started_by").filter(state=VerificationState.RUNNING).first()


def _standing(running: TrailVerification) -> PiecewiseVerification:
    """Return the walk where it stood. What somebody else has put there is not believed: then it begins anew."""
    if is_our_state(PURPOSE, _signed(running, running.walk), running.mark):
        return PiecewiseVerification.standing_at(running.walk)
    logger.error("the verification of the trail begins anew: where it stood is not as it was written")
    walk = PiecewiseVerification.standing_at({})
    walk.add(Finding("trail", 0, FORGED))
    return walk


def _put(verification: TrailVerification, walk: dict[str, Any]) -> None:
    verification.walk, verification.mark = walk, mark_of_state(PURPOSE, _signed(verification, walk))
    verification.save(update_fields=["walk", "mark", "tries"])


def _signed(verification: TrailVerification, walk: dict[str, Any]) -> dict[str, Any]:
    # Who started it belongs to it: the entry at the end bears their name.
    return {"id": verification.pk, "by": verification.started_by_id, "walk": walk}


def _end(verification: TrailVerification, state: VerificationState) -> None:
    TrailVerification.objects.filter(pk=verification.pk).update(state=state, finished_at=Now())
