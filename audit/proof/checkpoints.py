"""What is kept elsewhere of the last seal, and what a verification says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from audit.models import AuditSeal


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written. `what` is `entry` or `seal`, `number` its id or number."""

    what: str
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{self.what} {self.number}: {self.problem}"


def checkpoint_problems(checkpoints: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Yield the checkpoints that the chain contradicts."""
    for checkpoint in checkpoints:
        number = checkpoint["number"]
        hashes = list(AuditSeal.objects.filter(number=number).values_list("hash", flat=True))
        if not hashes:
            yield Finding("seal", number, "is missing; a checkpoint names it, so the end of the trail was cut off")
        elif hashes != [checkpoint["hash"]]:
            yield Finding("seal", number, "is not the one of the checkpoint, so the trail was written anew")


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
