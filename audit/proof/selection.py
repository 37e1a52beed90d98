"""The chosen entries of an export that can be proven, and the names of those that cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Length

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import UNREADABLE, entry_document
from audit.proof.marks import MarkOwner, has_its_name, mark_owner
from audit.proof.merkle import inclusion_proofs, merkle_root
from audit.proof.reading import batches, read
from audit.proof.verify_export import leaf

MOST_NAMED = 20
MOST_IN_SEAL = 100_000  # many times what a sealer puts into one; a forged seal may claim any number


class SealedSelection:
    """
    What seals up to number `end` prove of the chosen entries. Memory does not grow with their number.

    What is not as it was written is left out and named: one row that somebody has inserted must not make an export of
    genuine entries look false.
    """

    def __init__(self, chosen: QuerySet[AuditEntry], end: int) -> None:
        self._chosen = chosen
        self._end = end
        self._named: list[str] = []
        self._problems = 0
        self.left_out = 0  # entries
        self.first_seal: int | None = None

    @property
    def problems(self) -> list[str]:
        """Return what was left out, in lines to show."""
        more = self._problems - len(self._named)
        return self._named + ([f"… and {more:,} more"] if more else [])

    def lines(self, step: Callable[[], object]) -> Iterator[dict[str, Any]]:
        """Yield each entry with its proof, in the order of seals and places. `step` is called after each seal."""
        places = SealedEntry.objects.filter(entry_id__in=self._chosen.values("pk"))
        numbers = list(places.order_by("seal_id").values_list("seal_id", flat=True).distinct())
        for batch in batches(numbers):
            seals = read(AuditSeal, batch)
            for number in batch:
                seal = seals.one(number)
                if seal is not None and mark_owner(seal) is not MarkOwner.NOBODY:
                    yield from self._lines_of(seal) if number <= self._end else ()
                else:
                    self._leave_out(f"seal {number} is not the application's", places.filter(seal_id=number).count())
                step()

    def _lines_of(self, seal: AuditSeal) -> Iterator[dict[str, Any]]:
        places = SealedEntry.objects.filter(seal_id=seal.number).order_by("position")
        rows = list(places.alias(size=Length("digest")).filter(size=32, position__lt=seal.entry_count)[:MOST_IN_SEAL])
        digests = [bytes(row.digest) for row in rows]
        entries = {entry.pk: entry for entry in self._chosen.filter(pk__in=[row.entry_id for row in rows])}
        if len(rows) != seal.entry_count or merkle_root(digests).hex() != seal.merkle_root:
            self._leave_out(f"seal {seal.number}: its list of entries was changed", len(entries))
            return
        for row, proof in zip(rows, inclusion_proofs(digests), strict=True):
            entry = entries.get(row.entry_id)
            document = entry and self._sealed_document(entry, bytes(row.digest), seal)
            if entry and document:
                self.first_seal = self.first_seal or seal.number
                yield {
                    "entry": document, "actor": entry.actor, "actor_salt": entry.actor_salt,
                    "seal": seal.number, "position": row.position, "proof": proof,
                }  # fmt: skip
        others = places.filter(position__gte=seal.entry_count, entry_id__in=self._chosen.values("pk"))
        for pk in others.values_list("entry_id", flat=True).iterator():
            self._leave_out(f"entry {pk} is sealed by none: somebody put it into the list of seal {seal.number}")

    def _sealed_document(self, entry: AuditEntry, digest: bytes, seal: AuditSeal) -> dict[str, Any] | None:
        try:
            document = entry_document(entry)
            if leaf(document) == digest and has_its_name(entry):
                return document
        except UNREADABLE:
            pass
        self._leave_out(f"entry {entry.pk} is not what seal {seal.number} sealed")
        return None

    def _leave_out(self, problem: str, entries: int = 1) -> None:
        self.left_out += entries
        self._problems += 1
        if len(self._named) < MOST_NAMED:
            self._named.append(problem)
