"""What is kept elsewhere of the last seal."""

from __future__ import annotations

import json
from typing import Any

from audit.models import AuditSeal


def checkpoint_of(seal: AuditSeal) -> dict[str, Any]:
    """Return what is kept of a seal. Nothing up to it can then be written anew unseen."""
    return {"number": seal.number, "hash": seal.hash, "sealed_at": seal.sealed_at.isoformat()}


def read_checkpoints(text: str) -> list[dict[str, Any]]:
    """Return the checkpoints of a file, one a line. Raises ValueError with the line that is none."""
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
