"""What a sealer says in the log, about what it met in the trail that should not be there."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Exists, F, OuterRef

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.reading import held_up_after, oldest_waiting
from qhse.database import database_time

logger = logging.getLogger("audit.sealing")

LATE_IDS = 2_000
"""Ids that may commit later than higher ones and are still looked at. `verify` looks at all."""


def of_unsealed(not_ours: int, unknown: int) -> None:
    """Say how many entries stay out of the chain: what the application did not write so, and what it cannot judge."""
    if not_ours:
        logger.error("%d audit entries are not sealed, because the application did not write them so", not_ours)
    if unknown:
        logger.error(
            "%d audit entries are not sealed, because the key that vouches for them is not known here: "
            "set AUDIT_KEY_FALLBACKS", unknown,
        )  # fmt: skip


def of_strangers(last: int) -> None:
    """Say what others have put behind the last seal."""
    if SealedEntry.objects.filter(seal_id__gt=last).exists():
        _of_places()
    if AuditSeal.objects.filter(number__gt=last).exists():
        logger.error("seals behind seal %d are not the application's; verify_audit_trail names them", last)


def of_places_taken_before(horizon: datetime, *, behind: int, up_to: int | None) -> None:
    """
    Say whether others have put entries into old seals, so that they cannot be sealed any more.

    Looked at are those since the horizon between two ids, from LATE_IDS before what was sealed last. Looked at at each
    pass, all that a burst has brought since the horizon cost 0.25 s, and a worker's events waited for it.
    """
    outside = SealedEntry.objects.filter(entry_id=OuterRef("pk"), position__gte=F("seal__entry_count"))
    new = AuditEntry.objects.filter(created_at__gte=horizon, pk__gt=behind - LATE_IDS)
    if up_to is not None:
        new = new.filter(pk__lte=up_to)
    if new.filter(Exists(outside)).exists():
        _of_places()


def _of_places() -> None:
    logger.error("somebody has put entries into the list of the sealed ones; verify_audit_trail names them")


def of_waiting() -> None:
    """Say that nothing is sealed since another session has the turn, if that has lasted for long."""
    waiting = oldest_waiting()
    if waiting is not None and database_time() - waiting.created_at > held_up_after():
        logger.error(
            "sealing is held up: another session has had the turn since entry %d of %s",
            waiting.pk, waiting.created_at.isoformat(),
        )  # fmt: skip
