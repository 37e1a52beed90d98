"""Verifies the trail: every sealed entry against its seal, every seal against the chain, the rest against its mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.checkpoints import Finding, checkpoint_of, checkpoint_problems
from audit.proof.documents import entry_document, seal_document
from audit.proof.late import is_accepted
from audit.proof.marks import Voucher, has_its_name, is_marked, voucher_of_entry, voucher_of_seal
from audit.proof.merkle import merkle_root
from audit.proof.reading import SEALS_AT_ONCE, UNREADABLE, batches, newest_seal, read
from audit.proof.verify_export import NO_SEAL, leaf, seal_hash
from audit.services import Actor, record

CHUNK = 1_000
NEWEST_IDS = 5_000  # among which a bounded verification looks for what is not sealed
WHOLE, PART = "AUDIT_TRAIL_VERIFIED", "AUDIT_TRAIL_PARTLY_VERIFIED"  # actions
UNKNOWN_KEY = "is vouched for by a key that is not known here: set AUDIT_KEY_FALLBACKS"


@dataclass(slots=True)
class Summary:
    """
    What a verification went through: seals from number `first` on, up to `head`, the last that the application made.

    `accepted` of the entries are late, and somebody has said why.
    """

    first: int = 0
    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    accepted: int = 0
    findings: int = 0
    head: AuditSeal | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "first_seal": self.first, "seals": self.seals, "entries": self.entries, "unsealed": self.unsealed,
            "accepted": self.accepted, "findings": self.findings,
            "head": checkpoint_of(self.head) if self.head else None,
        }  # fmt: skip


@dataclass(slots=True)
class Verification:
    """
    One walk through the trail, streaming: memory does not grow with its length.

    `run` yields each Finding as it is met, and `step` is called after each seal. Without `since` it begins at the first
    seal; with it, at the last seal made before then, which and before which everything is taken as given. `newest`
    limits it to so many seals at the end, and to the newest ids for what is not sealed.
    """

    since: datetime | None = None
    newest: int | None = None
    checkpoints: Sequence[dict[str, Any]] = ()
    step: Callable[[], object] = lambda: None
    summary: Summary = field(default_factory=Summary)
    _closed: AuditSeal | None = None  # the last seal of the application so far: its horizon and total count
    _forgotten: set[int | None] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return self.since is None and self.newest is None

    def run(self) -> Iterator[Finding]:
        for finding in self._all():
            self.summary.findings += 1
            yield finding

    def _all(self) -> Iterator[Finding]:
        self._closed = anchor = self._anchor()
        link = (anchor.number, anchor.hash) if anchor else (0, NO_SEAL)
        self.summary.first = link[0] + 1
        links = AuditSeal.objects.order_by("number").values_list("number", "hash").filter(number__gt=link[0])
        for batch in batches(links.iterator(chunk_size=SEALS_AT_ONCE), SEALS_AT_ONCE):
            rows = read(AuditSeal, [number for number, _ in batch])
            for number, hash_ in batch:
                if number == link[0]:
                    yield Finding("seal", number, "is there more than once")
                    continue
                if number != link[0] + 1:
                    yield Finding("seal", link[0] + 1, "is missing")
                yield from self._seal_problems(number, rows.one(number), link)
                link = (number, hash_)
                self.summary.seals += 1
                self.step()
        self.summary.head = self._closed
        if anchor is None:
            yield from _orphans()
        yield from checkpoint_problems(self.checkpoints)
        yield from self._unsealed_problems()
        if self.newest is None:
            yield from _repeated_uids()

    def _anchor(self) -> AuditSeal | None:
        if self.newest is not None:
            numbers = AuditSeal.objects.order_by("-number").values_list("number", flat=True)
            before = numbers[self.newest : self.newest + 1].first()
            return newest_seal(number__lte=before) if before is not None else None
        return newest_seal(sealed_at__lt=self.since) if self.since else None

    def _seal_problems(self, number: int, seal: AuditSeal | None, link: tuple[int, str]) -> Iterator[Finding]:
        if seal is None:
            yield Finding("seal", number, "cannot be read")
            return
        if seal.number == link[0] + 1 and seal.previous_hash != link[1]:
            yield Finding("seal", number, f"does not follow seal {link[0]}")
        ours = False
        try:
            voucher = voucher_of_seal(seal)
            if seal_hash(seal_document(seal)) != seal.hash:
                yield Finding("seal", number, "was changed")
            elif voucher is Voucher.UNKNOWN:
                yield Finding("seal", number, UNKNOWN_KEY)
            elif voucher is Voucher.NOBODY:
                yield Finding("seal", number, "was not made by the application")
            ours = voucher is Voucher.OURS
        except UNREADABLE:
            yield Finding("seal", number, "cannot be read")
        if ours:
            yield from _claim_problems(seal, self._closed)
        yield from self._content_problems(seal)
        self._closed = seal if ours else self._closed

    def _content_problems(self, seal: AuditSeal) -> Iterator[Finding]:
        rows = list(SealedEntry.objects.filter(seal_id=seal.number).order_by("position"))
        self.summary.entries += len(rows)
        listed = [bytes(row.digest) for row in rows]
        if len(rows) != seal.entry_count or not rows or merkle_root(listed).hex() != seal.merkle_root:
            yield Finding("seal", seal.number, "its list of entries was changed")
        for position, row in enumerate(rows):
            if row.position != position:
                yield Finding("seal", seal.number, f"place {position} is empty")
                break
        for batch in batches(rows, CHUNK):
            entries = read(AuditEntry, [row.entry_id for row in batch])
            for row in batch:
                copies = entries.found.get(row.entry_id, [])
                if row.entry_id in entries.unreadable:
                    yield Finding("entry", row.entry_id, f"cannot be read; seal {seal.number} covers it")
                elif not copies:
                    yield Finding("entry", row.entry_id, f"is missing; seal {seal.number} covers it")
                elif problem := self._sealed_problem(copies, bytes(row.digest), seal.number):
                    yield Finding("entry", row.entry_id, problem)

    def _sealed_problem(self, copies: list[AuditEntry], digest: bytes, number: int) -> str:
        if len(copies) > 1:
            return "is there more than once"
        (entry,) = copies
        try:
            if leaf(entry_document(entry)) != digest:
                return f"is not what seal {number} sealed"
        except UNREADABLE:
            return f"cannot be read; seal {number} covers it"
        return self._own_problem(entry)

    def _own_problem(self, entry: AuditEntry) -> str:
        """Return what is wrong with an entry that can be read, whatever a seal says of it."""
        voucher = voucher_of_entry(entry)
        if voucher is Voucher.UNKNOWN:
            return UNKNOWN_KEY
        if voucher is Voucher.NOBODY:
            return "was not written by the application"
        return self._name_problem(entry) or self._time_problem(entry)

    def _name_problem(self, entry: AuditEntry) -> str:
        if not has_its_name(entry):
            return "does not bear its actor's name"
        if entry.actor_salt or entry.actor_id in self._forgotten:
            return ""
        forgotten = AuditEntry.objects.about("user", entry.actor_id).filter(action="USER_PSEUDONYMISED")
        if not any(is_marked(reason) for reason in forgotten):
            return "bears a pseudonym, and no entry says why"
        self._forgotten.add(entry.actor_id)
        return ""

    def _time_problem(self, entry: AuditEntry) -> str:
        if self._closed is None or self._closed.horizon is None or entry.created_at >= self._closed.horizon:
            return ""
        if is_accepted(entry):
            self.summary.accepted += 1
            return ""
        return f"is late: dated before what seal {self._closed.number} had closed (accept_late_entries)"

    def _unsealed_problems(self) -> Iterator[Finding]:
        ids = AuditEntry.objects.unsealed().order_by("pk").values_list("pk", flat=True)
        if self.newest is not None:
            last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            ids = ids.filter(pk__gt=last - NEWEST_IDS)
        for batch in batches(ids.iterator(chunk_size=CHUNK), CHUNK):
            entries = read(AuditEntry, batch)
            for pk in dict.fromkeys(batch):
                self.summary.unsealed += 1
                copies = entries.found.get(pk, [])
                if len(copies) > 1:
                    yield Finding("entry", pk, "is there more than once")
                elif pk in entries.unreadable:
                    yield Finding("entry", pk, "cannot be read")
                elif copies and (problem := self._unsealed_problem(copies[0])):
                    yield Finding("entry", pk, problem)

    def _unsealed_problem(self, entry: AuditEntry) -> str:
        try:
            return self._own_problem(entry)
        except UNREADABLE:
            return "cannot be read"


def _claim_problems(seal: AuditSeal, closed: AuditSeal | None) -> Iterator[Finding]:
    """Yield what a seal with the application's mark claims and cannot be: only who has the key can have made it."""
    former = closed.horizon if closed else None
    # One that was in the future is taken back: the clock ran ahead.
    if former is not None and former <= seal.sealed_at and (seal.horizon is None or seal.horizon < former):
        yield Finding("seal", seal.number, "its horizon goes back")
    if seal.horizon is not None and seal.horizon > seal.sealed_at:
        yield Finding("seal", seal.number, "its horizon is later than the seal itself")


def _orphans() -> Iterator[Finding]:
    known = AuditSeal.objects.values("number")
    orphans = SealedEntry.objects.exclude(seal_id__in=known)
    for number in orphans.order_by("seal_id").values_list("seal_id", flat=True).distinct()[:CHUNK]:
        yield Finding("seal", number, "is missing; entries name it")
    there = AuditEntry.objects.filter(pk=OuterRef("entry_id"))
    for pk in orphans.filter(Exists(there)).order_by("entry_id").values_list("entry_id", flat=True).iterator():
        yield Finding("entry", pk, "is sealed by none: its place is in a seal that is not there")


def _repeated_uids() -> Iterator[Finding]:
    repeated = AuditEntry.objects.order_by().values("uid").annotate(times=Count("pk")).filter(times__gt=1)
    for uid in repeated.values_list("uid", flat=True)[:CHUNK]:
        for pk in AuditEntry.objects.filter(uid=uid).order_by("pk").values_list("pk", flat=True)[1:]:
            yield Finding("entry", pk, "is a copy of another one")


def record_verification(verification: Verification, actor: Actor | None) -> None:
    """Store in the trail which seals were verified, up to the record id, and with what result."""
    summary = verification.summary
    facts = {
        "findings": summary.findings, "first_seal": summary.first, "seals": summary.seals,
        "unsealed": summary.unsealed, "accepted": summary.accepted,
    }  # fmt: skip
    with transaction.atomic():
        record(
            actor=actor,
            action=WHOLE if verification.is_whole else PART,
            entity_type="audit_trail",
            entity_id=summary.head.number if summary.head else 0,
            changes={name: (None, value) for name, value in facts.items()},
        )
