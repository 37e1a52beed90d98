"""Seals new entries in blocks. No writer waits for it."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Q

from audit.models import AuditEntry, AuditSeal, EntryWasSwallowed, SealedEntry, SealingTurn
from audit.proof import complaints
from audit.proof.documents import entry_document, seal_document
from audit.proof.marks import MarkOwner, is_ours, mark_of, mark_owner
from audit.proof.merkle import merkle_root
from audit.proof.reading import batches, newest_seal, read
from audit.proof.verify_export import NO_SEAL, leaf, seal_hash
from qhse.database import bound_transaction, database_time

logger = logging.getLogger("audit.sealing")

BLOCK = 1_000  # entries in a seal
# In one transaction. A worker's events wait for it 0.3 s. With 10 they waited 1.3 s, at a fifth less for each entry.
MOST_BLOCKS = 2
LOOKED_AT = 20_000  # entries in one transaction that may turn out not to be ours
STRETCH = 20_000  # ids of the older trail that a pass looks through
LOCK_SECONDS, STATEMENT_SECONDS = 2, 5  # a pass fails, and says so, before it keeps a worker from its events
# For the moment between the time of an entry and the lock by which its writer is seen; and for a clock that is set back
# a little.
HORIZON_MARGIN = timedelta(seconds=60)

# Whoever has drawn an entry's id and time holds a lock on the ids until the transaction ends. All may see locks. When a
# transaction began is hidden if it is prepared, another role's, or of a session with track_activities off: then null.
_OLDEST_WRITER = """
SELECT CASE WHEN count(*) = count(xact_start) THEN least(now(), min(xact_start)) END
FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'
  AND relation = pg_get_serial_sequence('audit_auditentry', 'id')::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid IS DISTINCT FROM pg_backend_pid()
"""

# Half of a seal's time would go into a statement with four thousand placeholders.
_PLACES = """
INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest)
SELECT id, %s, place - 1, digest FROM unnest(%s::bigint[], %s::bytea[]) WITH ORDINALITY AS placed (id, digest, place)
"""


@dataclass(frozen=True, slots=True)
class Sealing:
    """
    What one pass did: how many entries it sealed, and how many it left out.

    If it is not `complete`, there was more to look at. The next pass goes on after `looked_until`. If it `had_no_turn`,
    another sealer was at work, or somebody else holds what only sealers lock. With `older_remain`, entries stand behind
    the older ones that it looked through.
    """

    sealed: int = 0
    left_out: int = 0
    complete: bool = True
    looked_until: int = field(default=0, compare=False)
    older_remain: bool = field(default=False, compare=False)
    had_no_turn: bool = False


class Sealer:
    """Seals what is new at each call. Looks through a stretch of the older trail for what was late."""

    def __init__(self) -> None:
        self._after = 0
        self._older = range(STRETCH)

    def __call__(self) -> Sealing:
        done = seal_new_entries(after=self._after, older=self._older)
        if done.had_no_turn:
            complaints.of_waiting()
        self._after = done.looked_until
        if done.complete:
            end = self._older.stop
            first = end if done.older_remain else 0
            self._older = range(first, first + STRETCH)
        return done


@transaction.atomic
def seal_new_entries(*, after: int = 0, older: range | None = None, most_blocks: int = MOST_BLOCKS) -> Sealing:
    """
    Seal the unsealed entries, up to so many blocks, in one transaction.

    New is what no seal names. Ids do not tell, because they commit out of order. A pass looks at the whole trail. With
    `older` it looks at the entries since the last horizon, and at these ids. `after` is where the last pass stopped,
    which met more than it may seal or look at.

    Writers of entries wait for nothing. One sealer works at a time; another one returns at once. Even without that the
    chain could not fork: a number has one seal, and an entry one place.

    Entries without the application's mark are left out, and `verify` names them. Those of an unknown key hold the
    horizon until it is given. Foreign seals, and numbers that foreign places name, are passed over. Nothing they say is
    believed. Raises EntryWasSwallowed, and DatabaseError when somebody else's locks or rows take too long.
    """
    bound_transaction(lock=LOCK_SECONDS, statement=STATEMENT_SECONDS)
    turn = _take_turn()
    if turn is None:
        return Sealing(complete=False, looked_until=after, had_no_turn=True)
    # Before the entries are read: a writer that commits in between still counts as running.
    oldest = _oldest_writer()
    head, now = _last_seal(turn), database_time()
    former = head.horizon if head and is_ours(head) else None
    if former is not None and former > now:
        former = None  # the clock ran ahead, and was corrected
    new = _find_new(former, older, after, most_blocks * BLOCK)
    horizon = former
    if new.whole and oldest is not None:  # else something before it may not have been sealed yet
        closed = min([oldest - HORIZON_MARGIN, *new.unknown])
        horizon = max(closed, former) if former else closed
    if former is not None:
        up_to = None if new.complete else new.last_id
        complaints.of_places_taken_before(former, behind=_last_sealed(head), up_to=up_to)
    number = _chain_up(new.entries, head, horizon, former)
    if horizon is not None:
        _count_until(horizon, now, turn, new.entries)
    if number > turn.seal:
        turn.seal = number
        turn.save(update_fields=["seal"])
    complaints.of_unsealed(new.not_ours, len(new.unknown))
    complaints.of_strangers(number)
    # Asked in here: an idle worker then takes one transaction for it, and not two.
    older_remain = older is not None and AuditEntry.objects.filter(pk__gte=older.stop).exists()
    return Sealing(len(new.entries), new.not_ours + len(new.unknown), new.complete, new.looked_until, older_remain)


def _chain_up(
    entries: list[AuditEntry], head: AuditSeal | None, horizon: datetime | None, former: datetime | None
) -> int:
    """Seal these entries block by block behind the head. Return the number of the last seal."""
    number, previous_hash = (head.number, head.hash) if head else (0, NO_SEAL)
    total = head.total if head and is_ours(head) else SealedEntry.objects.count() if entries else 0
    end = total + len(entries)
    for block in batches(sorted(entries, key=lambda entry: entry.pk), BLOCK):
        number, total = _free_number(number), total + len(block)
        closed_by_it = horizon if total == end else former
        seal = AuditSeal(number=number, previous_hash=previous_hash, total=total, horizon=closed_by_it)
        previous_hash = _seal(block, seal)
    return number


def _oldest_writer() -> datetime | None:
    """Return when the oldest transaction that writes entries began, else now. None if nobody can tell."""
    if connection.vendor != "postgresql":
        return database_time()
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_WRITER)
        oldest: datetime | None = cursor.fetchone()[0]
    return oldest


@dataclass(slots=True)
class _New:
    """What a pass found unsealed."""

    entries: list[AuditEntry] = field(default_factory=list)
    not_ours: int = 0
    unknown: list[datetime] = field(default_factory=list)  # the times of those whose key is not known
    complete: bool = True
    whole: bool = False  # complete, and nothing is left before the place where the pass began
    looked_until: int = 0

    @property
    def last_id(self) -> int:
        return max((entry.pk for entry in self.entries), default=0)

    def add_some(self, ids: list[int], most: int) -> int:
        """Add these until enough are found that can be sealed. Return how many were looked at."""
        looked_at = 0
        for batch in batches(ids, BLOCK):
            if len(self.entries) >= most:
                break
            self._add(batch)
            looked_at += len(batch)
        return looked_at

    def _add(self, ids: list[int]) -> None:
        rows = read(AuditEntry, ids)
        self.not_ours += len(rows.unreadable)
        for copies in rows.found.values():
            owner = mark_owner(copies[0]) if len(copies) == 1 else MarkOwner.NOBODY
            if owner is MarkOwner.OURS:
                self.entries.append(copies[0])
            elif owner is MarkOwner.UNKNOWN:
                self.unknown.append(copies[0].created_at)
            else:
                self.not_ours += 1


def _find_new(horizon: datetime | None, older: range | None, after: int, most: int) -> _New:
    if horizon is None or older is None:
        place, stretch = Q(), Q(pk__in=[])
    else:
        place, stretch = Q(created_at__gte=horizon), Q(pk__gte=older.start, pk__lt=older.stop)
    new = _New()
    ids = _unsealed_ids(place & Q(pk__gt=after))
    looked_at = new.add_some(ids, most)
    if looked_at < len(ids) or len(ids) == LOOKED_AT:
        new.complete = False
        # Not from the beginning: the next pass would read past all that was sealed since the horizon.
        new.looked_until = ids[looked_at - 1]
        return new
    # What was committed behind the passes over a burst. So many are not ours that no pass ever sees all of them.
    earlier = _unsealed_ids(place & Q(pk__range=(1, after))) if after else []
    new.whole = len(earlier) < LOOKED_AT
    if new.whole:
        new.whole = new.complete = new.add_some(earlier, most) == len(earlier)
    if new.complete:
        seen = {*ids, *earlier}
        late = [pk for pk in _unsealed_ids(stretch) if pk not in seen]
        new.complete = new.add_some(late, most) == len(late)
    return new


def _unsealed_ids(place: Q) -> list[int]:
    unsealed = AuditEntry.objects.unsealed().filter(place)
    return list(unsealed.order_by("pk").values_list("pk", flat=True)[:LOOKED_AT])


def _take_turn() -> SealingTurn | None:
    """Lock the turn until the transaction ends. None if another sealer has it."""
    turn = SealingTurn.objects.select_for_update(skip_locked=True).first()
    if turn is None and not SealingTurn.objects.exists():
        logger.error("the row that names the last seal is missing; it is made anew")
        SealingTurn.objects.bulk_create([SealingTurn()], ignore_conflicts=True)
        turn = SealingTurn.objects.select_for_update(skip_locked=True).first()
    return turn


def _count_until(horizon: datetime, now: datetime, turn: SealingTurn, sealed: list[AuditEntry]) -> None:
    """Count the entries dated before the horizon, so that no reader has to. Nothing is stored when none came."""
    until, entries = turn.counted_until, AuditEntry.objects.all()
    if until is None or until > now:  # the first time, or the clock ran ahead and was corrected
        turn.counted, turn.counted_until = entries.filter(created_at__lt=horizon).count(), horizon
    else:
        late = sum(entry.created_at < until for entry in sealed)
        came = late + entries.filter(created_at__gte=until, created_at__lt=horizon).count()
        if not came:
            return
        turn.counted, turn.counted_until = turn.counted + came, max(horizon, until)
    turn.save(update_fields=["counted", "counted_until"])


def _last_seal(turn: SealingTurn) -> AuditSeal | None:
    """Return the seal that the next one follows: the last of the application, also under a key that is unknown here."""
    noted: AuditSeal | None = read(AuditSeal, [turn.seal]).one(turn.seal) if turn.seal else None
    if noted is not None and mark_owner(noted) is not MarkOwner.NOBODY:
        return noted
    found = newest_seal()
    if turn.seal:
        logger.error("seal %d was the last one, and is not as it was; going on behind %s", turn.seal, found or "none")
    return found


def _last_sealed(head: AuditSeal | None) -> int:
    """Return the highest id of an entry that this seal was made of. Others may have put in more, behind these."""
    if head is None:
        return 0
    places = SealedEntry.objects.filter(seal_id=head.number, position__lt=head.entry_count)
    return int(places.aggregate(last=Max("entry_id"))["last"] or 0)


def _free_number(last: int) -> int:
    """Return a number behind the last one that neither a seal nor a place of an entry has taken."""
    # The next few, then one at random in a stretch that doubles: whoever takes numbers in advance needs a row for
    # about each of them, and we need a look for few.
    offsets: list[int] = [*range(1, 9), *(1 + random.randrange(1 << power) for power in range(4, 31))]
    for number in (last + offset for offset in offsets):
        if AuditSeal.objects.filter(number=number).exists() or SealedEntry.objects.filter(seal_id=number).exists():
            continue
        if number > last + 1:
            logger.error("seals %d to %d are passed over: the application did not make them", last + 1, number - 1)
        return number
    raise EntryWasSwallowed(f"no number behind {last} is free for a seal")


def _seal(block: list[AuditEntry], seal: AuditSeal) -> str:
    """Store the seal of these entries with their places. Return its hash."""
    leaves = [leaf(entry_document(entry)) for entry in block]
    seal.entry_count = len(block)
    seal.merkle_root = merkle_root(leaves).hex()
    seal.sealed_at = database_time()
    seal.hash = seal_hash(seal_document(seal))
    seal.mark = mark_of(seal)
    AuditSeal.objects.bulk_create([seal])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_PLACES, [seal.number, [entry.pk for entry in block], leaves])
    else:
        SealedEntry.objects.bulk_create(
            SealedEntry(entry_id=entry.pk, seal=seal, position=position, digest=digest)
            for position, (entry, digest) in enumerate(zip(block, leaves, strict=True))
        )
    places = SealedEntry.objects.filter(seal_id=seal.number).count()
    if places != len(block) or not AuditSeal.objects.filter(number=seal.number).exists():
        raise EntryWasSwallowed(f"of seal {seal.number} the database kept {places} of {len(block)} places")
    return seal.hash
