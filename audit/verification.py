"""Verifies the trail: every sealed entry against its seal, every seal against the chain, the rest against its mark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proofs import entry_document, has_its_name, is_marked, merkle_root, seal_document
from audit.services import Actor, record
from audit.verify_export import NO_SEAL, leaf, seal_hash

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written. `what` is `entry` or `seal`, `number` its id or number."""

    what: str
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{self.what} {self.number}: {self.problem}"


@dataclass(slots=True)
class Summary:
    """What a verification went through; `head` is the last seal."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    findings: int = 0
    head: AuditSeal | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "seals": self.seals, "entries": self.entries, "unsealed": self.unsealed, "findings": self.findings,
            "head": checkpoint_of(self.head) if self.head else None,
        }  # fmt: skip


@dataclass(slots=True)
class Verification:
    """
    One walk through the trail, streaming: memory does not grow with its length.

    `run` yields each Finding as it is met, and `step` is called after each seal. Without `since` it begins at the first
    seal; with it, at the last seal made before then, whose own hash is taken as given. `newest` limits it to so many
    seals at the end.
    """

    since: datetime | None = None
    newest: int | None = None
    checkpoints: Sequence[dict[str, Any]] = ()
    step: Callable[[], object] = lambda: None
    summary: Summary = field(default_factory=Summary)
    _forgotten: set[int | None] = field(default_factory=set)

    def run(self) -> Iterator[Finding]:
        for finding in self._all():
            self.summary.findings += 1
            yield finding

    def _all(self) -> Iterator[Finding]:
        previous = self._anchor()
        seals = AuditSeal.objects.order_by("number")
        if previous is not None:
            seals = seals.filter(number__gt=previous.number)
        for seal in seals.iterator(chunk_size=100):
            yield from _link_problems(seal, previous)
            yield from self._content_problems(seal, previous)
            previous = seal
            self.summary.seals += 1
            self.step()
        self.summary.head = previous
        if previous is None or not (self.since or self.newest):
            yield from _orphans()
        yield from checkpoint_problems(self.checkpoints)
        yield from self._unsealed_problems(previous)
        if self.newest is None:
            yield from _repeated_uids()

    def _anchor(self) -> AuditSeal | None:
        seals = AuditSeal.objects.order_by("-number")
        if self.newest is not None:
            return seals[self.newest : self.newest + 1].first()
        return seals.filter(sealed_at__lt=self.since).first() if self.since else None

    def _content_problems(self, seal: AuditSeal, previous: AuditSeal | None) -> Iterator[Finding]:
        rows = list(SealedEntry.objects.filter(seal_id=seal.number).order_by("position"))
        ids = [row.entry_id for row in rows]
        entries = AuditEntry.objects.in_bulk(ids)
        self.summary.entries += len(rows)
        listed = [bytes(row.digest) for row in rows]
        if len(rows) != seal.entry_count or not rows or merkle_root(listed).hex() != seal.merkle_root:
            yield Finding("seal", seal.number, "its list of entries was changed")
        for position, row in enumerate(rows):
            if row.position != position:
                yield Finding("seal", seal.number, f"place {position} is empty")
                break
        for row in rows:
            entry = entries.get(row.entry_id)
            if entry is None:
                yield Finding("entry", row.entry_id, f"is missing; seal {seal.number} covers it")
            elif leaf(entry_document(entry)) != bytes(row.digest):
                yield Finding("entry", row.entry_id, f"is not what seal {seal.number} sealed")
            elif problem := self._name_problem(entry):
                yield Finding("entry", row.entry_id, problem)
            elif previous is not None and previous.horizon is not None and entry.created_at < previous.horizon:
                yield Finding("entry", row.entry_id, f"is dated before what seal {previous.number} closed")

    def _name_problem(self, entry: AuditEntry) -> str:
        if not has_its_name(entry):
            return "does not bear its actor's name"
        if entry.actor_salt or entry.actor_id in self._forgotten:
            return ""
        forgotten = AuditEntry.objects.about("user", entry.actor_id).filter(action="USER_PSEUDONYMISED")
        if not forgotten.exists():
            return "bears a pseudonym, and no entry says why"
        self._forgotten.add(entry.actor_id)
        return ""

    def _unsealed_problems(self, head: AuditSeal | None) -> Iterator[Finding]:
        unsealed = AuditEntry.objects.unsealed()
        horizon = head.horizon if head else None
        if self.newest is not None and horizon is not None:
            unsealed = unsealed.filter(created_at__gte=horizon)
        for entry in unsealed.order_by("pk").iterator(chunk_size=CHUNK):
            self.summary.unsealed += 1
            if not is_marked(entry):
                yield Finding("entry", entry.pk, "was not written by the application")
            elif problem := self._name_problem(entry):
                yield Finding("entry", entry.pk, problem)
            elif head is not None and horizon is not None and entry.created_at < horizon:
                yield Finding("entry", entry.pk, f"was put in after seal {head.number} had closed its time")


def _link_problems(seal: AuditSeal, previous: AuditSeal | None) -> Iterator[Finding]:
    if seal_hash(seal_document(seal)) != seal.hash:
        yield Finding("seal", seal.number, "was changed")
    expected = previous.number + 1 if previous else 1
    if seal.number != expected:
        yield Finding("seal", expected, "is missing")
    elif seal.previous_hash != (previous.hash if previous else NO_SEAL):
        yield Finding("seal", seal.number, f"does not follow seal {previous.number if previous else 0}")


def _orphans() -> Iterator[Finding]:
    known = AuditSeal.objects.values("number")
    for number in SealedEntry.objects.exclude(seal_id__in=known).values_list("seal_id", flat=True).distinct()[:CHUNK]:
        yield Finding("seal", number, "is missing; entries name it")


def _repeated_uids() -> Iterator[Finding]:
    repeated = AuditEntry.objects.order_by().values("uid").annotate(times=Count("pk")).filter(times__gt=1)
    for uid in repeated.values_list("uid", flat=True)[:CHUNK]:
        for pk in AuditEntry.objects.filter(uid=uid).order_by("pk").values_list("pk", flat=True)[1:]:
            yield Finding("entry", pk, "is a copy of another one")


def checkpoint_problems(checkpoints: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Yield the checkpoints that the chain contradicts."""
    for checkpoint in checkpoints:
        number = checkpoint["number"]
        seal = AuditSeal.objects.filter(number=number).first()
        if seal is None:
            yield Finding("seal", number, "is missing; a checkpoint names it, so the end of the trail was cut off")
        elif seal.hash != checkpoint["hash"]:
            yield Finding("seal", number, "is not the one of the checkpoint, so the trail was written anew")


def record_verification(verification: Verification, actor: Actor | None) -> None:
    """Store in the trail that it was verified, up to which seal, and with what result."""
    summary = verification.summary
    facts = {"findings": summary.findings, "seals": summary.seals, "unsealed": summary.unsealed}
    with transaction.atomic():
        record(
            actor=actor,
            action="AUDIT_TRAIL_VERIFIED",
            entity_type="audit_trail",
            entity_id=summary.head.number if summary.head else 0,
            changes={name: (None, value) for name, value in (facts | {"newest": verification.newest}).items()},
        )


def checkpoint_of(seal: AuditSeal) -> dict[str, Any]:
    """Return what is kept elsewhere of a seal, so that everything up to it cannot be written anew unseen."""
    return {"number": seal.number, "hash": seal.hash, "sealed_at": seal.sealed_at.isoformat()}


def read_checkpoints(text: str) -> list[dict[str, Any]]:
    """Return the checkpoints of a file, one in a line. Raises ValueError with the line that is none."""
    checkpoints = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            checkpoint = json.loads(line)
            checkpoints.append({"number": int(checkpoint["number"]), "hash": str(checkpoint["hash"])})
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} is no checkpoint") from None
    if not checkpoints:
        raise ValueError("it holds no checkpoint")
    return checkpoints
