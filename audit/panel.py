"""What proves the trail, at a glance, above its list in the admin; and the button that verifies its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from audit.models import AuditEntry, AuditSeal
from audit.services import Actor
from audit.verification import Finding, Summary, Verification, record_verification
from qhse.adminsite.display import Tile

NEWEST = 50  # seals that a page verifies: about two seconds if they are full
COUNTED = 1_000  # unsealed entries
LATE_SECONDS = 300.0
SHOWN = 20  # findings


def trail_tiles() -> list[Tile]:
    """Return the last seal, what is not sealed yet, and the last verification; in four queries at most."""
    head = AuditSeal.objects.order_by("-number").first()
    return [_last_seal(head), _unsealed(head), _last_verification()]


def _last_seal(head: AuditSeal | None) -> Tile:
    if head is None:
        return Tile("–", "nothing is sealed yet", "warn")
    return Tile(f"Seal {head.number:,}", f"is the last one, of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC")


def _unsealed(head: AuditSeal | None) -> Tile:
    entries = AuditEntry.objects.unsealed()
    if head is not None and head.horizon is not None:
        entries = entries.filter(created_at__gte=head.horizon)
    times = list(entries.order_by("created_at").values_list("created_at", flat=True)[: COUNTED + 1])
    late = bool(times) and (timezone.now() - times[0]).total_seconds() > LATE_SECONDS
    more = "≥ " if len(times) > COUNTED else ""
    text = f"{'entry' if len(times) == 1 else 'entries'} not sealed yet" + ("; does a worker run?" if late else "")
    return Tile(f"{more}{min(len(times), COUNTED):,}", text, "warn" if late else "")


def _last_verification() -> Tile:
    last = AuditEntry.objects.filter(action="AUDIT_TRAIL_VERIFIED").order_by("-id").first()
    if last is None:
        return Tile("–", "never verified", "warn")
    found = last.changes["findings"][1]
    extent = "the newest seals" if last.changes["newest"][1] else "all of it"
    text = f"{extent}, by {last.actor} on {last.created_at:%Y-%m-%d %H:%M} UTC"
    if found:
        return Tile(counted(found, "finding"), f"when last verified: {text}", "bad")
    return Tile(f"up to seal {int(last.entity_id):,}", f"verified: {text}", "good")


def verify_newest(actor: Actor | None) -> tuple[Summary, list[Finding]]:
    """Verify the NEWEST seals and what is not sealed, record that, and return the summary and the first findings."""
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
