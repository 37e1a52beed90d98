"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from audit.models import AuditSeal
from audit.proof.checkpoints import checkpoint_of


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something that is not as it was written. `what` is `entry` or `seal`, `number` its id or number.

    `trail`, with the number 0, is the trail as a whole: what guards it, or that nothing is sealed.
    """

    what: str
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{f'{self.what} {self.number}' if self.number else self.what}: {self.problem}"


@dataclass(slots=True)
class Summary:
    """
    What a verification went through: the seals from `first` up to `head`.

    `head` is the last seal of the application. `accepted` entries are late, and somebody has said why. `restores` tell
    what was lost with the end of the trail, and who declared it.
    """

    first: int = 0
    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    accepted: int = 0
    findings: int = 0
    head: AuditSeal | None = None
    restores: list[str] = field(default_factory=list)

    @property
    def sealed(self) -> str:
        return f"{counted(self.entries, 'entry')} in {counted(self.seals, 'seal')}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "first_seal": self.first, "seals": self.seals, "entries": self.entries, "unsealed": self.unsealed,
            "accepted": self.accepted, "findings": self.findings,
            "head": checkpoint_of(self.head) if self.head else None, "restores": self.restores,
        }  # fmt: skip


def counted(number: int, what: str) -> str:
    """Return a number of things, such as `1 seal` or `2 seals`."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
