"""The banner above the trail's list: what proves the trail, and a button that verifies its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.text import Truncator

from audit.models import AuditEntry, AuditSeal, SealedEntry, TrailVerification, VerificationState
from audit.proof.findings import Summary, counted
from audit.proof.reading import MOST_FOREIGN, held_up_after, newest_seal, ours
from audit.proof.verification import PART, WHOLE, Verification, record_verification
from audit.reviewing import last_review
from qhse.adminsite.display import Tile
from qhse.clock import present

if TYPE_CHECKING:
    from audit.services import Actor

NEWEST = 50  # seals that the button verifies: about two seconds if they are full
COUNTED = 1_000  # of the newest entries, among which the banner counts what is not sealed
SHOWN = 20  # findings
NOTE = 120  # characters of a review's note


def banner(may_verify: bool) -> dict[str, Any]:
    """Return the last seal, what waits for one, and what was verified. The queries are few and bounded."""
    tiles = [_last_seal(newest_seal()), _unsealed(), _last_verification(), _last_review(), *_running()]
    return {"tiles": tiles, "may_verify": may_verify, "newest": NEWEST}


def _last_seal(head: AuditSeal | None) -> Tile:
    if head is None:
        return Tile("–", "nothing is sealed yet", "warn")
    return Tile(
        f"{head.sealed_at:%Y-%m-%d}",
        f"sealed up to {head.sealed_at:%H:%M} UTC; the last seal is number {head.number:,}",
    )


def _unsealed() -> Tile:
    is_sealed = Exists(SealedEntry.objects.filter(entry_id=OuterRef("pk")))
    newest = AuditEntry.objects.order_by("-pk").values_list("created_at", is_sealed)[:COUNTED]
    waiting = [time for time, is_sealed in newest if not is_sealed]
    times = [time for time in waiting if time is not None]  # what cannot be read has none
    late = bool(times) and present() - min(times) > held_up_after()
    more = "≥ " if len(waiting) == COUNTED else ""
    text = f"{'entry' if len(waiting) == 1 else 'entries'} not sealed yet" + ("; does a worker run?" if late else "")
    return Tile(f"{more}{len(waiting):,}", text, "warn" if late else "")


def _last_verification() -> Tile:
    """Tell of the last whole verification. A finding, of a part too, stays until another whole one."""
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


def _last_review() -> Tile:
    review = last_review()
    if review is None:
        return Tile("–", "never reviewed")
    note = Truncator(review.shown_reason).chars(NOTE)
    return Tile(
        f"up to seal {int(review.entity_id):,}",
        f"reviewed by {review.actor} on {review.created_at:%Y-%m-%d %H:%M} UTC: {note}",
    )


def _running() -> list[Tile]:
    """Tell of the verification that workers are at. When it is over, the trail tells of it."""
    running = TrailVerification.objects.filter(state=VerificationState.RUNNING).select_related("started_by").first()
    if running is None:
        return []
    found = f"; {counted(running.findings_total, 'finding')} so far" if running.findings_total else ""
    return [Tile(
        f"{running.percent} %", f"being verified as a whole, for {running.started_by.username}{found}",
        "bad" if found else "", url=reverse("admin:audit_auditentry_proof"),
    )]  # fmt: skip


def _last(entries: QuerySet[AuditEntry]) -> AuditEntry | None:
    # Ours alone: whoever can insert entries could else paint the page green.
    return next(ours(entries, past=MOST_FOREIGN), None)


def _found(entry: AuditEntry) -> int:
    findings: int = entry.changes["findings"][1]
    return findings


def _extent(entry: AuditEntry) -> str:
    first = entry.changes["first_seal"][1]
    extent = "all of it" if entry.action == WHOLE else f"seals {first:,}–{int(entry.entity_id):,}"
    return f"{extent}, by {entry.actor} on {entry.created_at:%Y-%m-%d %H:%M} UTC"


def verify_newest(actor: Actor | None) -> tuple[Summary, list[str]]:
    """Verify the end of the trail, and record that. Return the findings as lines to show."""
    verification = Verification(newest=NEWEST)
    lines = [str(finding) for number, finding in enumerate(verification.run()) if number < SHOWN]
    record_verification(verification, actor)
    summary = verification.summary
    if summary.findings > len(lines):
        lines.append(f"… and {summary.findings - len(lines):,} more")
    return summary, lines
