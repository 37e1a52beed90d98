"""What a report stands on: the newest audit entry about its case, and the seal that covers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import UNREADABLE, entry_document, seal_document
from audit.proof.marks import is_ours
from audit.proof.verify_export import leaf, seal_hash
from audit.words import what_happened
from ncs.report.shape import Line

HOW_TO_CHECK = (
    "To check it offline, ask an auditor for the audit entries of this case, exported with their proofs, and run the "
    "program that comes with them on any computer with Python 3.11, without a network: it computes every digest and "
    "seal anew, and this seal must stand among them with this number and hash."
)
HAVE_IT_VERIFIED = "Have the audit trail verified."


class Proof(NamedTuple):
    lines: tuple[Line, ...]
    newest_id: int
    at: datetime | None


def newest_entry(nc_id: int, action_ids: Sequence[int]) -> AuditEntry | None:
    """Return the newest entry about a case or an action of it."""
    of_case: AuditEntry | None = AuditEntry.objects.about("nonconformity", nc_id).first()
    # By the index of records. With ORDER BY and LIMIT, a planner might walk the whole trail backwards.
    about_actions = AuditEntry.objects.filter(entity_type="action", entity_id__in=[str(each) for each in action_ids])
    newest = max(about_actions.order_by().values_list("pk", flat=True), default=0) if action_ids else 0
    if of_case is not None and of_case.pk > newest:
        return of_case
    of_actions: AuditEntry | None = AuditEntry.objects.filter(pk=newest).first()
    return of_actions


def proof_of(entry: AuditEntry | None) -> Proof:
    """Return what is printed of an entry: its digest, computed now, and number and hash of its seal."""
    if entry is None:
        return Proof((Line("Newest entry", "None is there: this report is not proven."),), 0, None)
    what = f"{what_happened(entry.action)}, by {entry.actor}, {utc(entry.created_at)}"
    digest = _digest(entry)
    lines = (Line("Newest entry", f"Number {entry.pk}: {what}"), digest, *_sealed(entry, digest.text))
    warning = () if is_ours(entry) else (Line("Warning", f"The entry is not as it was written. {HAVE_IT_VERIFIED}"),)
    return Proof((*lines, *warning), entry.pk, entry.created_at)


def _sealed(entry: AuditEntry, digest: str) -> tuple[Line, ...]:
    """Return number and hash of the seal. One that others have inserted is none: its mark tells."""
    place = SealedEntry.objects.filter(entry_id=entry.pk).first()
    if place is None:
        return (Line("Seal", "Not sealed yet. A report that is made in a minute names the seal."),)
    seal = AuditSeal.objects.filter(number=place.seal_id).first()
    if seal is None or not is_ours(seal) or bytes(place.digest).hex() != digest:
        return (Line("Warning", f"The entry is not as it was sealed. {HAVE_IT_VERIFIED}"),)
    number = Line("Seal", f"Number {seal.number}, {utc(seal.sealed_at)}")
    return (number, Line("Hash of the seal", seal_hash(seal_document(seal)), is_digest=True))


def utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _digest(entry: AuditEntry) -> Line:
    try:
        return Line("Digest of the entry", leaf(entry_document(entry)).hex(), is_digest=True)
    except UNREADABLE:
        return Line("Digest of the entry", f"The entry cannot be read. {HAVE_IT_VERIFIED}")
