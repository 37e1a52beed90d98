"""What callers were told. A line before each write and one after it tell its outcome."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Told(StrEnum):
    """What a caller knows of its write. Unknown: its COMMIT raised, and either state is right."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Account:
    """All writes of a scenario: (kind, token) → what its caller was told. A token stands in one row and no other."""

    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    acknowledged_at: list[float] = field(default_factory=list)
    transactions: int = 0

    def note(self, kind: str, token: str, told: Told) -> None:
        self.told[kind, token] = told

    def of_kind(self, kind: str) -> dict[str, Told]:
        return {token: told for (a_kind, token), told in self.told.items() if a_kind == kind}

    def count(self, told: Told) -> int:
        return Counter(self.told.values())[told]


class Ledger:
    """The writing end: a file for each writer. Unbuffered, because writers are killed."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def begin(self, kind: str, tokens: Sequence[str]) -> None:
        """Note that a transaction with these writes is about to begin."""
        self._write(f"? {kind}\t{token}" for token in tokens)

    def end(self, kind: str, tokens: Sequence[str], told: Told) -> None:
        """Note its outcome, and when it was known."""
        self._write([*(f"{told.value[0]} {kind}\t{token}" for token in tokens), f"@ {time.time():.6f} {told}"])

    def _write(self, lines: Iterable[str]) -> None:
        os.write(self._descriptor, "".join(f"{line}\n" for line in lines).encode())


_MARKS = {"?": Told.UNKNOWN} | {told.value[0]: told for told in Told}


def read(paths: Iterable[Path]) -> Account:
    """
    Return what the ledgers say. A write that was begun and never ended is unknown.

    A last line without an end is passed over: its writer was killed in the middle of it.
    """
    account = Account()
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
            mark, _, rest = line.partition(" ")
            if mark == "@":
                at, _, told = rest.partition(" ")
                if told == Told.ACKNOWLEDGED:
                    account.acknowledged_at.append(float(at))
                    account.transactions += 1
                continue
            kind, _, token = rest.partition("\t")
            account.note(kind, token, _MARKS[mark])
    account.acknowledged_at.sort()
    return account
