"""What is kept elsewhere of the last seal, and whether the trail still agrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from audit.models import AuditSeal
from audit.proof import verify_export

Checkpoint = dict[str, Any]
_OR_RESTORED = "or the database was restored from a backup, which audit_checkpoint --restored declares"


def checkpoint_of(seal: AuditSeal) -> Checkpoint:
    """Return what is kept of a seal. Nothing up to it can then be written anew unseen."""
    return {"number": seal.number, "hash": seal.hash, "sealed_at": seal.sealed_at.isoformat()}


def read_checkpoints(raw: bytes) -> list[Checkpoint]:
    """Return the checkpoints of a file, also those that it calls lost. Raises Unreadable with the line that is none."""
    kept, lost = verify_export.read_checkpoints(raw)
    return kept + lost


def contradictions(checkpoints: Iterable[Checkpoint]) -> Iterator[tuple[Checkpoint, str]]:
    """Yield the checkpoints that the chain contradicts, and how."""
    for checkpoint in checkpoints:
        hashes = list(AuditSeal.objects.filter(number=checkpoint["number"]).values_list("hash", flat=True))
        if not hashes:
            yield checkpoint, f"is missing; a checkpoint names it. The end of the trail was cut off, {_OR_RESTORED}"
        elif hashes != [checkpoint["hash"]]:
            yield checkpoint, f"is not the one of the checkpoint. The trail was written anew, {_OR_RESTORED}"
