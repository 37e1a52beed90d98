"""Verifies entries against their seals, seals against the chain, and all against their marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import Length

from audit.models import AuditEntry, AuditSeal, SealedEntry, SealingTurn
from audit.proof.checkpoints import contradictions
from audit.proof.documents import UNREADABLE, entry_document, seal_document
from audit.proof.findings import Finding, Summary
from audit.proof.guards import guard_problems
from audit.proof.late import is_accepted
from audit.proof.marks import MarkOwner, has_its_name, mark_owner
from audit.proof.merkle import merkle_root
from audit.proof.reading import (
    CHUNK,
    MOST_FOREIGN,
    SEALS_AT_ONCE,
    Rows,
    batches,
    chain,
    held_up_after,
    newest_seal,
    ours,
    read,
)
from audit.proof.restores import restores
from audit.proof.selection import MOST_IN_SEAL
from audit.proof.verify_export import FORGOTTEN, NO_SEAL, leaf, seal_hash
from audit.services import Actor, record
from qhse.database import database_time

NEWEST_IDS = 5_000  # among which a bounded verification looks for what is not sealed
WHOLE, PART = "AUDIT_TRAIL_VERIFIED", "AUDIT_TRAIL_PARTLY_VERIFIED"  # actions
UNKNOWN_KEY = "is vouched for by a key that is not known here: set AUDIT_KEY_FALLBACKS"


@dataclass(slots=True)
class Verification:
    """
    One walk through the trail. Memory does not grow with its length.

    `run` yields each Finding as it is met. It calls `step` after each seal. The walk begins at the first seal. With
    `since` it begins behind the last seal made before then. What is before is believed. With `newest` it covers so many
    seals at the end, and what is unsealed among the newest ids.
    """

    since: datetime | None = None
    newest: int | None = None
    checkpoints: Sequence[dict[str, Any]] = ()
    step: Callable[[], object] = lambda: None
    summary: Summary = field(default_factory=Summary)
    _closed: AuditSeal | None = None  # the last seal of the application so far
    _linked: str = NO_SEAL  # the hash of the last seal that was not forged
    _link: tuple[int, str] = (0, NO_SEAL)  # number and hash of the last seal so far, whoever made it
    _waiting: AuditEntry | None = None  # the oldest good entry without a seal
    _forgotten: set[int | None] = field(default_factory=set)

    @property
    def _most_rows(self) -> int | None:
        return None if self.newest is None else CHUNK

    @property
    def is_whole(self) -> bool:
        return self.since is None and self.newest is None

    def run(self) -> Iterator[Finding]:
        for finding in self._all():
            self.summary.findings += 1
            yield finding

    def _all(self) -> Iterator[Finding]:
        yield from guard_problems()
        self._closed = anchor = self._anchor()
        self._link = (anchor.number, anchor.hash) if anchor else (0, NO_SEAL)
        self._linked = self._link[1]
        self.summary.first = first = self._link[0] + 1
        links = AuditSeal.objects.order_by("number").values_list("number", "hash").filter(number__gte=first)
        if self.newest is not None:  # a page waits for it, and others can insert any number of seals
            links = links[: self.newest + MOST_FOREIGN]
        yield from self._walk(links.iterator(chunk_size=SEALS_AT_ONCE))
        self.summary.head = self._closed
        yield from orphans(first)
        yield from cut_end(first)
        yield from self._checkpoint_problems()
        yield from self._unsealed_problems()
        yield from self._waiting_problems()
        if self.newest is None:
            yield from repeated_uids()

    def _walk(self, links: Iterable[tuple[int, str]]) -> Iterator[Finding]:
        """Go on through these seals, which follow the last one so far."""
        for batch in batches(links, SEALS_AT_ONCE):
            rows = read(AuditSeal, [number for number, _ in batch])
            for number, hash_ in batch:
                if number == self._link[0]:
                    yield Finding("seal", number, "is there more than once")
                    continue
                yield from self._seal_problems(number, rows.one(number), self._link)
                self._link = (number, hash_)
                self.summary.seals += 1
                self.step()

    def _anchor(self) -> AuditSeal | None:
        if self.newest is not None:
            last = islice(ours(chain(), past=MOST_FOREIGN), self.newest, None)
            return next(last, None)
        return newest_seal(sealed_at__lt=self.since) if self.since else None

    def _seal_problems(self, number: int, seal: AuditSeal | None, link: tuple[int, str]) -> Iterator[Finding]:
        if seal is None:
            yield Finding("seal", number, "cannot be read")
            return
        owner = mark_owner(seal)
        # It follows the last one of the application. Before sealers passed foreign ones over, it followed any.
        if owner is not MarkOwner.NOBODY and seal.previous_hash not in (self._linked, link[1]):
            if number == link[0] + 1:
                yield Finding("seal", number, f"does not follow seal {link[0]}")
            else:
                yield Finding("seal", link[0] + 1, "is missing")
        if problem := _seal_problem(seal, owner):
            yield Finding("seal", number, problem)
        if owner is MarkOwner.OURS:
            yield from _claim_problems(seal, self._closed)
        yield from self._content_problems(seal, is_forged=owner is MarkOwner.NOBODY)
        if owner is MarkOwner.OURS:
            self._closed = seal
        if owner is not MarkOwner.NOBODY:
            self._linked = seal.hash

    def _content_problems(self, seal: AuditSeal, *, is_forged: bool) -> Iterator[Finding]:
        places = SealedEntry.objects.filter(seal_id=seal.number).order_by("position")
        # A digest has 32 bytes; what others insert can have any number.
        rows = list(places.alias(size=Length("digest")).filter(size=32, position__lt=seal.entry_count)[:MOST_IN_SEAL])
        self.summary.entries += len(rows)
        listed = [bytes(row.digest) for row in rows]
        if len(rows) != seal.entry_count or not rows or merkle_root(listed).hex() != seal.merkle_root:
            yield Finding("seal", seal.number, "its list of entries was changed")
        gap = next((place for place, row in enumerate(rows) if row.position != place), None)
        if gap is not None:
            yield Finding("seal", seal.number, f"place {gap} is empty")
        ids = [row.entry_id for row in rows]
        yield from self._entry_problems(ids, seal.number, dict(zip(ids, listed, strict=True)))
        if not is_forged:
            # Whoever may insert can add places to a seal. They are none of the seal's, and it stays good.
            others = places.filter(position__gte=seal.entry_count).values_list("entry_id", flat=True)
            for pk in others[: self._most_rows].iterator():
                yield Finding("entry", pk, f"is sealed by none: somebody put it into the list of seal {seal.number}")

    def _unsealed_problems(self) -> Iterator[Finding]:
        ids = AuditEntry.objects.unsealed().order_by("pk").values_list("pk", flat=True)
        if self.newest is not None:
            last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            ids = ids.filter(pk__gt=last - NEWEST_IDS)
        for batch in batches(ids.iterator(chunk_size=CHUNK)):
            self.summary.unsealed += len(set(batch))
            yield from self._entry_problems(batch)

    def _checkpoint_problems(self) -> Iterator[Finding]:
        declared = list(restores())
        self.summary.restores = [str(restore) for restore in declared]
        lost = frozenset[tuple[int, str]]().union(*(restore.lost for restore in declared))
        for checkpoint, problem in contradictions(self.checkpoints):
            if (checkpoint["number"], checkpoint["hash"]) not in lost:
                yield Finding("seal", checkpoint["number"], problem)

    def _waiting_problems(self) -> Iterator[Finding]:
        """Yield that sealing is held up: what waits can be deleted unseen for as long as it does."""
        waiting = self._waiting
        if waiting is not None and database_time() - waiting.created_at > held_up_after():
            last = self._closed.sealed_at.isoformat() if self._closed else "ever"
            yield Finding(
                "trail", 0, f"sealing is held up: nothing was sealed since {last}, {self.summary.unsealed} entries are "
                f"not, the oldest is entry {waiting.pk} of {waiting.created_at.isoformat()}",
            )  # fmt: skip

    def _entry_problems(
        self, ids: Iterable[int], seal: int | None = None, digests: Mapping[int, bytes] | None = None
    ) -> Iterator[Finding]:
        """Yield what is wrong with unsealed entries, or with those of a seal, which lists their digests."""
        for batch in batches(ids):
            rows = read(AuditEntry, batch)
            for pk in dict.fromkeys(batch):
                problem = self._entry_problem(pk, rows, seal, digests[pk] if digests else b"")
                if problem:
                    yield Finding("entry", pk, problem)

    def _entry_problem(self, pk: int, rows: Rows, seal: int | None, digest: bytes) -> str:
        covered = f"; seal {seal} covers it" if seal else ""
        if pk in rows.unreadable:
            return f"cannot be read{covered}"
        copies = rows.found.get(pk, [])
        if not copies:
            return f"is missing{covered}" if seal else ""
        if len(copies) > 1:
            return "is there more than once"
        entry = copies[0]
        try:
            found = leaf(entry_document(entry))
        except UNREADABLE:
            return f"cannot be read{covered}"
        if seal and found != digest:
            return f"is not what seal {seal} sealed"
        problem = self._own_problem(entry)
        if not (seal or problem) and (self._waiting is None or entry.created_at < self._waiting.created_at):
            self._waiting = entry
        return problem

    def _own_problem(self, entry: AuditEntry) -> str:
        """Return what is wrong with an entry, whatever a seal says of it."""
        owner = mark_owner(entry)
        if owner is MarkOwner.UNKNOWN:
            return UNKNOWN_KEY
        if owner is MarkOwner.NOBODY:
            return "was not written by the application"
        return self._name_problem(entry) or self._time_problem(entry)

    def _name_problem(self, entry: AuditEntry) -> str:
        if not has_its_name(entry):
            return "does not bear its actor's name"
        if entry.actor_salt or entry.actor_id in self._forgotten:
            return ""
        reasons = AuditEntry.objects.about("user", entry.actor_id).filter(action=FORGOTTEN)
        if next(ours(reasons), None) is None:
            return "bears a pseudonym, and no entry says why"
        self._forgotten.add(entry.actor_id)
        return ""

    def _time_problem(self, entry: AuditEntry) -> str:
        if self._closed is None or not self._closed.had_closed(entry.created_at):
            return ""
        if is_accepted(entry):
            self.summary.accepted += 1
            return ""
        return f"is late: dated before what seal {self._closed.number} had closed (accept_late_entries)"


def _seal_problem(seal: AuditSeal, owner: MarkOwner) -> str:
    try:
        if seal_hash(seal_document(seal)) != seal.hash:
            return "was changed"
    except UNREADABLE:
        return "cannot be read"
    if owner is MarkOwner.UNKNOWN:
        return UNKNOWN_KEY
    return "was not made by the application" if owner is MarkOwner.NOBODY else ""


def _claim_problems(seal: AuditSeal, closed: AuditSeal | None) -> Iterator[Finding]:
    """Yield what a seal claims and cannot know. Somebody who has the key made it."""
    former = closed.horizon if closed else None
    # One that was in the future is taken back: the clock ran ahead.
    if former is not None and former <= seal.sealed_at and (seal.horizon is None or seal.horizon < former):
        yield Finding("seal", seal.number, "its horizon goes back")
    if seal.horizon is not None and seal.horizon > seal.sealed_at:
        yield Finding("seal", seal.number, "its horizon is later than the seal itself")


def orphans(first: int, before: int | None = None) -> Iterator[Finding]:
    """Yield what says that it belongs to seals from this number on, below the other, which are not there."""
    found = _orphans(first)
    found = found if before is None else found.filter(seal_id__lt=before)
    for number in found.order_by("seal_id").values_list("seal_id", flat=True).distinct()[:CHUNK]:
        yield Finding("seal", number, "is missing; entries name it")
    there = AuditEntry.objects.filter(pk=OuterRef("entry_id"))
    for pk in found.filter(Exists(there)).order_by("entry_id").values_list("entry_id", flat=True).iterator():
        yield Finding("entry", pk, "is sealed by none: its place is in a seal that is not there")


def cut_end(first: int) -> Iterator[Finding]:
    """Yield that the last seal is gone, unless `orphans` from this number on tell it."""
    last = SealingTurn.objects.values_list("seal", flat=True).first()
    if (
        last
        and not AuditSeal.objects.filter(number=last).exists()
        and not _orphans(first).filter(seal_id=last).exists()
    ):
        yield Finding("seal", last, "is missing; it was the last one, so the end of the trail was cut off")


def _orphans(first: int) -> QuerySet[Any]:
    known = AuditSeal.objects.filter(number=OuterRef("seal_id"))
    return SealedEntry.objects.filter(~Exists(known), seal_id__gte=first)


def repeated_uids() -> Iterator[Finding]:
    repeated = AuditEntry.objects.order_by().values("uid").annotate(times=Count("pk")).filter(times__gt=1)
    for uid in repeated.values_list("uid", flat=True)[:CHUNK]:
        for pk in AuditEntry.objects.filter(uid=uid).order_by("pk").values_list("pk", flat=True)[1:]:
            yield Finding("entry", pk, "is a copy of another one")


def seal_findings(number: int) -> list[Finding]:
    """Return what is wrong with one seal, its entries and its link to the seal before. Nothing if it is good."""
    before = newest_seal(number__lt=number)
    verification = Verification()
    verification._closed = before
    if before is not None:
        verification._link = (before.number, before.hash)
        verification._linked = before.hash
    seal = read(AuditSeal, [number]).one(number)
    return list(verification._seal_problems(number, seal, verification._link))


def record_verification(verification: Verification, actor: Actor | None, *, as_whole: bool | None = None) -> None:
    """
    Store in the trail which seals were verified, and with what result. The last is the record id.

    `as_whole` says of one that was given up that it was not the whole.
    """
    summary = verification.summary.as_dict()
    facts = {name: (None, summary[name]) for name in ("findings", "first_seal", "seals", "unsealed", "accepted")}
    with transaction.atomic():
        record(
            actor=actor,
            action=WHOLE if (verification.is_whole if as_whole is None else as_whole) else PART,
            entity_type="audit_trail",
            entity_id=summary["head"]["number"] if summary["head"] else 0,
            changes=facts,
        )
