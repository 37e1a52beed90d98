"""What proves the trail, at a glance, above its list in the admin; and the button that verifies its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils import timezone

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.checkpoints import Finding
from audit.proof.marks import is_marked
from audit.proof.reading import newest_seal
from audit.proof.verification import PART, WHOLE, Summary, Verification, record_verification
from qhse.adminsite.display import Tile

if TYPE_CHECKING:
    from audit.services import Actor

NEWEST = 50  # seals that a page verifies: about two seconds if they are full
COUNTED = 1_000  # of the newest entries, among which a page looks for what is not sealed
LATE_SECONDS = 300.0
SHOWN = 20  # findings


def trail_tiles() -> list[Tile]:
    """Return the last seal, what is not sealed yet, and what was verified; in a handful of bounded queries."""
    return [_last_seal(newest_seal()), _unsealed(), _last_verification()]


def _last_seal(head: AuditSeal | None) -> Tile:
    if head is None:
        return Tile("–", "nothing is sealed yet", "warn")
    return Tile(f"Seal {head.number:,}", f"is the last one, of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC")


def _unsealed() -> Tile:
    newest = dict(AuditEntry.objects.order_by("-pk").values_list("pk", "created_at")[:COUNTED])
    sealed = set(SealedEntry.objects.filter(entry_id__in=list(newest)).values_list("entry_id", flat=True))
    times = [time for pk, time in newest.items() if pk not in sealed]
    late = bool(times) and (timezone.now() - min(times)).total_seconds() > LATE_SECONDS
    more = "≥ " if len(times) == COUNTED else ""
    text = f"{'entry' if len(times) == 1 else 'entries'} not sealed yet" + ("; does a worker run?" if late else "")
    return Tile(f"{more}{len(times):,}", text, "warn" if late else "")


def _last_verification() -> Tile:
    """Tell of the last whole verification. What that or one of a part has found stays until another whole one."""
    whole, part = _last(AuditEntry.objects.filter(action=WHOLE)), AuditEntry.objects.filter(action=PART)
    if whole is not None:
        part = part.filter(pk__gt=whole.pk)
    bad = whole if whole is not None and _found(whole) else _last(part.exclude(changes__findings=[None, 0]))
    if bad is not None:
        return Tile(counted(_found(bad), "finding"), f"when verified: {_extent(bad)}", "bad")
    again = _last(part)
    more = f"; {_extent(again)}" if again else ""
    if whole is not None:
        return Tile(f"up to seal {int(whole.entity_id):,}", f"verified: {_extent(whole)}{more}", "good")
    return Tile("–", f"never verified as a whole{more}", "warn")


def _last(entries: QuerySet[AuditEntry]) -> AuditEntry | None:
    """Return the last of them that the application wrote: who can insert entries could else paint the page green."""
    return next(filter(is_marked, entries.order_by("-id")[:10]), None)


def _found(entry: AuditEntry) -> int:
    findings: int = entry.changes["findings"][1]
    return findings


def _extent(entry: AuditEntry) -> str:
    first = entry.changes["first_seal"][1]
    extent = "all of it" if entry.action == WHOLE else f"seals {first:,}–{int(entry.entity_id):,}"
    return f"{extent}, by {entry.actor} on {entry.created_at:%Y-%m-%d %H:%M} UTC"


def verify_newest(actor: Actor | None) -> tuple[Summary, list[Finding]]:
    """Verify the NEWEST seals and what is not sealed of the newest entries, and record that."""
    verification = Verification(newest=NEWEST)
    findings = [finding for number, finding in enumerate(verification.run()) if number < SHOWN]
    record_verification(verification, actor)
    return verification.summary, findings


def counted(number: int, what: str) -> str:
    """Return a number of things, such as `1 seal` or `2 seals`."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def as_lines(findings: Sequence[Finding], summary: Summary) -> list[str]:
    """Return the findings as a person reads them, the first SHOWN of them."""
    lines = [str(finding) for finding in findings]
    return [*lines, f"… and {summary.findings - len(lines):,} more"] if summary.findings > len(lines) else lines


def panel(may_verify: bool) -> dict[str, Any]:
    return {"tiles": trail_tiles(), "may_verify": may_verify, "newest": NEWEST}
