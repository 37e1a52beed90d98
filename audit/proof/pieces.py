"""
The verification of the whole trail, in pieces that a worker does between events.

It finds what `manage.py verify_audit_trail` finds, but for the checkpoints: those are kept elsewhere, and only the
command is given them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from audit.models import MOST_FINDINGS, AuditEntry, AuditSeal
from audit.proof.documents import UNREADABLE
from audit.proof.findings import Finding
from audit.proof.guards import guard_problems
from audit.proof.reading import read
from audit.proof.verification import Verification, cut_end, orphans, repeated_uids

SEALS_A_STEP = 10
ROWS_A_STEP = 20_000  # entries that are looked through for what is not sealed, or is there twice
_FIRST_UID = "00000000-0000-0000-0000-000000000000"
_COUNTS = ("first", "seals", "entries", "unsealed", "accepted", "findings")


@dataclass(slots=True)
class PiecewiseVerification(Verification):
    """
    A walk through the whole trail that can stop after any step, be stored, and go on elsewhere.

    It goes through the seals, then through what is not sealed, then through the ids that must be unique. At last it
    goes through the seals that came meanwhile, so that what was sealed in between is in no gap. `stands_at` is where
    the walk stands, as JSON.
    """

    phase: str = "guards"
    after: int = 0  # the entry up to which the unsealed ones have been looked for
    after_uid: str = _FIRST_UID
    told: list[Finding] = field(default_factory=list)

    @classmethod
    def standing_at(cls, walk: dict[str, Any]) -> PiecewiseVerification:
        verification = cls()
        verification.summary.first = 1
        if not walk:
            return verification
        verification.phase = walk["phase"]
        verification.after, verification.after_uid = walk["after"], walk["after_uid"]
        verification._link = (walk["link"][0], walk["link"][1])
        verification._linked = walk["linked"]
        verification._closed = _row(AuditSeal, walk["closed"])
        verification._waiting = _row(AuditEntry, walk["waiting"])
        verification.told = [Finding(*each) for each in walk["findings"]]
        for name in _COUNTS:
            setattr(verification.summary, name, walk["counts"][name])
        return verification

    @property
    def stands_at(self) -> dict[str, Any]:
        return {
            "phase": self.phase, "after": self.after, "after_uid": self.after_uid, "link": list(self._link),
            "linked": self._linked, "closed": self._closed and self._closed.number,
            "waiting": self._waiting and self._waiting.pk,
            "counts": {name: getattr(self.summary, name) for name in _COUNTS},
            "findings": [list(asdict(each).values()) for each in self.told],
        }  # fmt: skip

    def go_on(self, *, seconds: float) -> bool:
        """Do steps for about so long, at least one. Return whether the walk is over."""
        ends_at = time.monotonic() + seconds
        while self.phase != "over":
            for finding in _STEPS[self.phase](self):
                self.add(finding)
            if time.monotonic() > ends_at:
                break
        self.summary.head = self._closed
        return self.phase == "over"

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it in words while there is room."""
        self.summary.findings += 1
        if len(self.told) < MOST_FINDINGS:
            self.told.append(finding)

    # --- The steps. Each yields what it finds, and says what comes next -----------------------------------------------

    def _guards(self) -> Iterator[Finding]:
        yield from guard_problems()
        self.phase = "seals"

    def _seals(self) -> Iterator[Finding]:
        numbers = AuditSeal.objects.filter(number__gt=self._link[0]).order_by("number").values_list("number", flat=True)
        chosen = list(numbers[:SEALS_A_STEP])
        if not chosen:
            self.phase = "unsealed" if self.phase == "seals" else "end"
            return
        for before, number in zip([self._link[0], *chosen], chosen, strict=False):
            if number > before + 1:
                yield from orphans(before + 1, number)
        # Read anew by their bounds: where the primary key is gone, the last of them may be there more often.
        links = AuditSeal.objects.filter(number__gt=self._link[0], number__lte=chosen[-1]).order_by("number")
        yield from self._walk(list(links.values_list("number", "hash")))

    def _unsealed(self) -> Iterator[Finding]:
        ids = AuditEntry.objects.filter(pk__gt=self.after).order_by("pk").values_list("pk", flat=True)
        looked_at = list(ids[:ROWS_A_STEP])
        if not looked_at:
            self.phase = "uids"
            return
        unsealed = AuditEntry.objects.unsealed().filter(pk__gt=self.after, pk__lte=looked_at[-1])
        found = list(unsealed.order_by("pk").values_list("pk", flat=True).distinct())
        self.summary.unsealed += len(found)
        yield from self._entry_problems(found)
        self.after = looked_at[-1]

    def _uids(self) -> Iterator[Finding]:
        """Look for ids that are there twice, along the index that forbids it. Without the index this takes long."""
        rows = AuditEntry.objects.filter(uid__gt=self.after_uid).order_by("uid", "pk")
        try:
            found = list(rows.values_list("uid", "pk")[:ROWS_A_STEP])
            if len(found) == ROWS_A_STEP:  # the last of them may go on behind the cut
                last = found[-1][0]
                found = [each for each in found if each[0] != last]
                found += AuditEntry.objects.filter(uid=last).order_by("pk").values_list("uid", "pk")
        except UNREADABLE:  # somebody has put in what is no id: then all are compared at once, by the database
            yield from repeated_uids()
            self.phase = "catching up"
            return
        for (uid, _), (next_uid, pk) in pairwise(found):
            if uid == next_uid:
                yield Finding("entry", pk, "is a copy of another one")
        if found:
            self.after_uid = str(found[-1][0])
        else:
            self.phase = "catching up"

    def _end(self) -> Iterator[Finding]:
        """Tell what is known at the end only. What waited for its seal may have got it meanwhile."""
        yield from orphans(self._link[0] + 1)
        yield from cut_end(1)
        yield from self._checkpoint_problems()
        waiting = self._waiting
        if waiting is not None and not AuditEntry.objects.unsealed().filter(pk=waiting.pk).exists():
            self._waiting = None
        yield from self._waiting_problems()
        self.phase = "over"


_STEPS: dict[str, Callable[[PiecewiseVerification], Iterator[Finding]]] = {
    "guards": PiecewiseVerification._guards,
    "seals": PiecewiseVerification._seals,
    "unsealed": PiecewiseVerification._unsealed,
    "uids": PiecewiseVerification._uids,
    "catching up": PiecewiseVerification._seals,
    "end": PiecewiseVerification._end,
}


def _row(model: Any, key: int | None) -> Any:
    return None if key is None else read(model, [key]).one(key)
