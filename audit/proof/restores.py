"""Restores of the database from a backup: the end of the trail is lost, a person says why, and it stays visible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.models import AuditEntry
from audit.proof.checkpoints import Checkpoint
from audit.proof.reading import ours
from audit.services import Actor, record

ACTION, ENTITY = "AUDIT_TRAIL_RESTORED", "audit_trail"


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that somebody has declared, and the seals that it lost: (number, hash)."""

    entry: AuditEntry
    lost: frozenset[tuple[int, str]]

    def __str__(self) -> str:
        numbers = sorted(number for number, _ in self.lost)
        return (
            f"a restore of the database, declared by {self.entry.actor} on {self.entry.created_at:%Y-%m-%d %H:%M} UTC, "
            f"lost the trail's end up to seal {numbers[-1]}; checkpoints lost: {', '.join(map(str, numbers[:20]))}"
            f"{', …' if len(numbers) > 20 else ''}; reason: {self.entry.reason}"
        )


def restores() -> Iterator[Restore]:
    """Yield what was declared, the newest first. Only the application can have written it."""
    for entry in ours(AuditEntry.objects.filter(action=ACTION)):
        yield Restore(entry, frozenset((number, hash_) for number, hash_ in entry.changes["lost"][1]))


def is_declared(checkpoint: Checkpoint) -> bool:
    """Answer whether somebody has declared a restore that lost exactly this seal."""
    return any((checkpoint["number"], checkpoint["hash"]) in restore.lost for restore in restores())


@transaction.atomic
def declare_restore(lost: Sequence[Checkpoint], *, actor: Actor | None, reason: str) -> None:
    """Record that a restore lost these seals. From then on `verify` tells of it, each time, and no longer alarms."""
    record(
        actor=actor, action=ACTION, entity_type=ENTITY, entity_id=max(one["number"] for one in lost), reason=reason,
        changes={"lost": (None, [[one["number"], one["hash"]] for one in lost])},
    )  # fmt: skip
