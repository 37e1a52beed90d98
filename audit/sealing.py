"""Seals new audit entries in blocks, without any writer waiting for it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proofs import entry_document, is_marked, merkle_root, seal_document
from audit.verify_export import NO_SEAL, leaf, seal_hash

logger = logging.getLogger("audit.sealing")

BLOCK = 1_000  # entries in a seal
MOST_BLOCKS = 10  # in one transaction
LOCK = 0x5EA1  # of PostgreSQL's advisory locks
# For the moment between the start of a transaction, which dates its entries, and its appearance in the server's list
# of activities.
APPEARANCE_MARGIN = timedelta(seconds=5)
HORIZON_MARGIN = timedelta(seconds=60)  # the same, and for a clock that is set back a little
THOROUGH_SECONDS = 60.0

# What another role's session does is hidden from a role without pg_read_all_stats.
_OLDEST_TRANSACTION = """
SELECT CASE WHEN count(*) FILTER (WHERE query = '<insufficient privilege>') = 0
            THEN least(now(), min(xact_start)) END
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

_PLACES = """
INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest)
SELECT id, %s, place - 1, digest FROM unnest(%s::bigint[], %s::bytea[]) WITH ORDINALITY AS placed (id, digest, place)
"""


@dataclass(frozen=True, slots=True)
class Sealing:
    """
    What one pass did: entries sealed, entries left out because they are not ours, whether all new ones were seen.

    What is new after a complete pass was created after `seen_until`, unless a clock is set back.
    """

    sealed: int = 0
    left_out: int = 0
    complete: bool = True
    seen_until: datetime | None = field(default=None, compare=False)


class Sealer:
    """Seals what is new each time it is called, and once a minute also what a clock set back may have hidden."""

    def __init__(self) -> None:
        self._seen_until: datetime | None = None
        self._thorough_at = float("-inf")

    def __call__(self) -> Sealing:
        thorough = time.monotonic() - self._thorough_at >= THOROUGH_SECONDS
        done = seal_new_entries(since=None if thorough else self._seen_until)
        if done.complete and done.seen_until is not None:
            self._seen_until = done.seen_until
            if thorough:
                self._thorough_at = time.monotonic()
        return done


@transaction.atomic
def seal_new_entries(*, since: datetime | None = None, most_blocks: int = MOST_BLOCKS) -> Sealing:
    """
    Seal the unsealed entries, up to so many blocks of them, in one transaction.

    Which entries are new follows from which no seal names, and never from their ids, because ids commit out of order.
    Only those since the last seal's horizon are looked at, because by its meaning there is nothing to seal before; with
    `since`, only those created since then, and the horizon stays where it is.

    One sealer works at a time; another one returns at once and has done nothing. The chain could not fork even so:
    two seals cannot name one predecessor, and no entry is in two seals. Entries that do not carry the application's
    mark are left out, and `verify` names them. Writers of entries wait for nothing here.
    """
    if not _take_turn():
        return Sealing(complete=False)
    # Before the entries are read: a transaction that ends in between is then still counted as running.
    oldest = _oldest_transaction()
    head = AuditSeal.objects.order_by("-number").first()
    former = head.horizon if head else None
    entries, left_out, complete = _new_entries(since or former, most_blocks * BLOCK)
    horizon = former
    if complete and since is None and oldest is not None:  # else something before it may not have been sealed yet
        horizon = max(filter(None, (oldest - HORIZON_MARGIN, former)))
    blocks = [entries[at : at + BLOCK] for at in range(0, len(entries), BLOCK)]
    for number, block in enumerate(blocks, start=1):
        head = _seal(block, head, horizon if number == len(blocks) else former)
    if left_out:
        logger.error("%d audit entries are not sealed, because the application did not write them so", left_out)
    seen_until = None if oldest is None else oldest - APPEARANCE_MARGIN
    return Sealing(sealed=len(entries), left_out=left_out, complete=complete, seen_until=seen_until)


def _take_turn() -> bool:
    if connection.vendor != "postgresql":
        return True  # SQLite has one writer at a time
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        taken: bool = cursor.fetchone()[0]
    return taken


def _oldest_transaction() -> datetime | None:
    """Return the start of the oldest running transaction, which dates what it writes; None if it cannot be known."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_TRANSACTION)
        oldest: datetime | None = cursor.fetchone()[0]
    return oldest


def _new_entries(since: datetime | None, most: int) -> tuple[list[AuditEntry], int, bool]:
    unsealed = AuditEntry.objects.unsealed().order_by("pk")
    if since is not None:
        unsealed = unsealed.filter(created_at__gte=since)
    entries: list[AuditEntry] = []
    left_out = 0
    for entry in unsealed.iterator(chunk_size=BLOCK):
        if len(entries) == most:
            return entries, left_out, False
        if is_marked(entry):
            entries.append(entry)
        else:
            left_out += 1
    return entries, left_out, True


def _seal(block: list[AuditEntry], head: AuditSeal | None, horizon: datetime | None) -> AuditSeal:
    leaves = [leaf(entry_document(entry)) for entry in block]
    seal = AuditSeal(
        number=head.number + 1 if head else 1,
        previous_hash=head.hash if head else NO_SEAL,
        merkle_root=merkle_root(leaves).hex(),
        entry_count=len(block),
        horizon=horizon,
        sealed_at=_database_time(),
    )
    seal.hash = seal_hash(seal_document(seal))
    AuditSeal.objects.bulk_create([seal])
    _store_places(seal, block, leaves)
    return seal


def _store_places(seal: AuditSeal, block: list[AuditEntry], leaves: list[bytes]) -> None:
    if connection.vendor == "postgresql":
        # Half of a seal's time would go into a statement with four thousand placeholders.
        with connection.cursor() as cursor:
            cursor.execute(_PLACES, [seal.number, [entry.pk for entry in block], leaves])
        return
    SealedEntry.objects.bulk_create(
        SealedEntry(entry_id=entry.pk, seal=seal, position=position, digest=digest)
        for position, (entry, digest) in enumerate(zip(block, leaves, strict=True))
    )


def _database_time() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
