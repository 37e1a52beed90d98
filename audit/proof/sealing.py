"""Seals new audit entries in blocks, without any writer waiting for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import entry_document, seal_document
from audit.proof.marks import Voucher, mark_of_seal, voucher_of_entry
from audit.proof.merkle import merkle_root
from audit.proof.reading import UNREADABLE, batches, newest_seal, read
from audit.proof.verify_export import NO_SEAL, leaf, seal_hash

logger = logging.getLogger("audit.sealing")

BLOCK = 1_000  # entries in a seal
MOST_BLOCKS = 10  # in one transaction
LOOKED_AT = 20_000  # entries in one transaction that may turn out not to be ours
STRETCH = 20_000  # ids of the older trail that a pass looks through
LOCK = 0x5EA1  # of PostgreSQL's advisory locks
# For the moment between the start of a transaction, which dates its entries, and its appearance in the server's list
# of activities; and for a clock that is set back a little.
HORIZON_MARGIN = timedelta(seconds=60)

# Unknown (null) if there may be an older one than is seen: what another role's session does is hidden from a role
# without pg_read_all_stats, and a session may hide it with track_activities; of a prepared one nobody knows the start.
_OLDEST_TRANSACTION = """
SELECT CASE WHEN NOT EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())
             AND count(*) FILTER (WHERE query = '<insufficient privilege>' OR state = 'disabled') = 0
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
    What one pass did: entries sealed, entries left out, and whether all were looked at that it should have.

    If not, the next one goes on after `looked_until`.
    """

    sealed: int = 0
    left_out: int = 0
    complete: bool = True
    looked_until: int = field(default=0, compare=False)


class Sealer:
    """Seals what is new each time it is called, and of the older trail what has turned up late, stretch by stretch."""

    def __init__(self) -> None:
        self._after = 0
        self._stretch = 0

    def __call__(self) -> Sealing:
        older = range(self._stretch, self._stretch + STRETCH)
        done = seal_new_entries(after=self._after, older=older)
        self._after = done.looked_until
        newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._stretch = older.stop if done.complete and older.stop <= newest else 0
        return done


@dataclass(slots=True)
class _New:
    """Entries that a pass found unsealed."""

    entries: list[AuditEntry] = field(default_factory=list)
    not_ours: int = 0
    unknown: list[datetime] = field(default_factory=list)  # the times of those whose key is not known

    def add(self, ids: list[int]) -> None:
        rows = read(AuditEntry, ids)
        self.not_ours += len(rows.unreadable)
        for copies in rows.found.values():
            voucher = _voucher(copies[0]) if len(copies) == 1 else Voucher.NOBODY
            if voucher is Voucher.OURS:
                self.entries.append(copies[0])
            elif voucher is Voucher.UNKNOWN:
                self.unknown.append(copies[0].created_at)
            else:
                self.not_ours += 1


@transaction.atomic
def seal_new_entries(*, after: int = 0, older: range | None = None, most_blocks: int = MOST_BLOCKS) -> Sealing:
    """
    Seal the unsealed entries, up to so many blocks of them, in one transaction.

    Which entries are new follows from which no seal names, and never from their ids, because ids commit out of order.
    With `older`, only those since the last seal's horizon are looked at, because by its meaning all before it is
    sealed, and of the rest those with these ids, in case one was late all the same. `after` is where the last pass
    stopped, when it met more that is not ours than it may look at.

    One sealer works at a time; another one returns at once and has done nothing. The chain could not fork even so:
    no two seals have one number, and no entry is in two seals. Entries that do not carry the application's mark are
    left out, and `verify` names them; those of a key that is not known here hold the horizon until it is given. Seals
    that the application did not make are passed over: the chain goes on behind them, and nothing they say is believed.
    Writers of entries wait for nothing here.
    """
    if not _take_turn():
        return Sealing(complete=False, looked_until=after)
    # Before the entries are read: a transaction that ends in between is then still counted as running.
    oldest = _oldest_transaction()
    head = newest_seal()
    former = head.horizon if head else None
    if former is not None and former > _database_time():
        former = None  # the clock ran ahead, and was corrected
    new, complete, looked_until = _new_entries(_where_to_look(former, oldest, older), after, most_blocks * BLOCK)
    horizon = former
    if complete and not after and oldest is not None:  # else something before it may not have been sealed yet
        closed = min([oldest - HORIZON_MARGIN, *new.unknown])
        horizon = max(closed, former) if former else closed
    number, previous_hash, total = _end_of_chain(head)
    end = total + len(new.entries)
    for block in batches(sorted(new.entries, key=lambda entry: entry.pk), BLOCK):
        number, total = _free_number(number), total + len(block)
        seal = AuditSeal(
            number=number, previous_hash=previous_hash, total=total, horizon=horizon if total == end else former
        )
        previous_hash = _seal(block, seal)
    _complain(new)
    return Sealing(len(new.entries), new.not_ours + len(new.unknown), complete, looked_until)


def _complain(new: _New) -> None:
    if new.not_ours:
        logger.error("%d audit entries are not sealed, because the application did not write them so", new.not_ours)
    if new.unknown:
        logger.error(
            "%d audit entries are not sealed, because the key that vouches for them is not known here: "
            "set AUDIT_KEY_FALLBACKS", len(new.unknown),
        )  # fmt: skip


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


def _where_to_look(former: datetime | None, oldest: datetime | None, older: range | None) -> list[Q]:
    if older is None:
        return [Q()]
    stretch = Q(pk__gte=older.start, pk__lt=older.stop)
    if former is not None:
        return [Q(created_at__gte=former), stretch]
    if oldest is not None or not AuditSeal.objects.exists():
        return [Q()]  # once, for the first horizon
    newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return [Q(pk__gt=newest - STRETCH), stretch]


def _new_entries(places: list[Q], after: int, most: int) -> tuple[_New, bool, int]:
    """Return the new entries, whether these are all, and after which id to go on past what is not ours."""
    first, *others = (AuditEntry.objects.unsealed().filter(place).order_by("pk") for place in places)
    ids = _ids(first.filter(pk__gt=after))
    new = _New()
    looked_at = 0
    for batch in batches(ids, BLOCK):
        if len(new.entries) >= most:
            break
        new.add(batch)
        looked_at += len(batch)
    complete = looked_at == len(ids) < LOOKED_AT
    looked_until = ids[-1] if looked_at == len(ids) == LOOKED_AT and not new.entries else 0
    for query in others if complete else ():
        new.add([pk for pk in _ids(query) if pk not in set(ids)])
    return new, complete, looked_until


def _ids(query: QuerySet[AuditEntry]) -> list[int]:
    return list(query.values_list("pk", flat=True)[:LOOKED_AT])


def _voucher(entry: AuditEntry) -> Voucher:
    try:
        return voucher_of_entry(entry)
    except UNREADABLE:
        return Voucher.NOBODY


def _end_of_chain(head: AuditSeal | None) -> tuple[int, str, int]:
    """Return number, hash and total of what the next seal follows: ours, or forged ones that took its place."""
    number, hash_, total = (head.number, head.hash, head.total) if head else (0, NO_SEAL, 0)
    foreign = AuditSeal.objects.filter(number__gt=number).order_by("number").values_list("number", "hash")
    passed_over = 0
    for found, its_hash in foreign.iterator():
        passed_over += 1
        if found == number + 1:
            number, hash_ = found, its_hash
    if passed_over:
        logger.error(
            "%d seals behind seal %d are passed over: the application did not make them, or under a key that is not "
            "known here (AUDIT_KEY_FALLBACKS)", passed_over, head.number if head else 0,
        )  # fmt: skip
        total = SealedEntry.objects.count()
    return number, hash_, total


def _free_number(last: int) -> int:
    """Return the next number, past those under which somebody has put places of entries without a seal."""
    number = last + 1
    while SealedEntry.objects.filter(seal_id=number).exists():
        logger.error("seal %d is passed over: it is not there, and places of entries name it", number)
        number += 1
    return number


def _seal(block: list[AuditEntry], seal: AuditSeal) -> str:
    leaves = [leaf(entry_document(entry)) for entry in block]
    seal.entry_count = len(block)
    seal.merkle_root = merkle_root(leaves).hex()
    seal.sealed_at = _database_time()
    seal.hash = seal_hash(seal_document(seal))
    seal.mark = mark_of_seal(seal)
    AuditSeal.objects.bulk_create([seal])
    _store_places(seal, block, leaves)
    return seal.hash


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
