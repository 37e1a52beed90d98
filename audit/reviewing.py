"""Reviews of the trail: somebody says up to which seal they have read it, and what they say of it."""

from __future__ import annotations

from django.db import transaction

from audit.errors import NoteIsMissing, SealIsNotSound, SealIsUnknown
from audit.models import MOST_NOTE, AuditEntry, AuditSeal, ReviewStamp
from audit.proof.reading import MOST_FOREIGN, ours, read
from audit.proof.verification import seal_findings
from audit.services import record
from qhse.accounts.models import User
from qhse.database import wait_for_turn
from qhse.text import plain

ACTION, ENTITY = "AUDIT_TRAIL_REVIEWED", "audit_trail"
NAMED = 3  # findings in a refusal


@transaction.atomic
def stamp_review(*, seal: int, note: str, actor: User) -> ReviewStamp:
    """
    Say that the trail has been reviewed up to a seal.

    The stamp and its audit entry are stored together or not at all. The seal and all that it covers are verified
    first: a stamp on what was changed would vouch for it. No row is locked, because nothing of it can change. The same
    person, seal and note again store nothing, at the same time too.

    Raises NoteIsMissing, SealIsUnknown, SealIsNotSound.
    """
    note = plain(note)
    if not note:
        raise NoteIsMissing("A review needs a note: what was looked at, and what was found.", field="note")
    if len(note) > MOST_NOTE:
        raise NoteIsMissing(f"The note has at most {MOST_NOTE:,} characters.", field="note")
    rows = read(AuditSeal, [seal])
    if not (rows.found or rows.unreadable):
        raise SealIsUnknown(f"There is no seal {seal}.", field="seal")
    if findings := seal_findings(seal):
        named = "; ".join(map(str, findings[:NAMED]))
        more = f"; and {len(findings) - NAMED:,} more" if len(findings) > NAMED else ""
        raise SealIsNotSound(f"Seal {seal} is not as it was written: {named}{more}.", field="seal")
    (sound,) = rows.found[seal]
    hash_ = sound.hash
    wait_for_turn(ACTION, actor.pk, seal, note)
    known = ReviewStamp.objects.filter(seal=seal, seal_hash=hash_, note=note, reviewed_by=actor).first()
    if known is not None:
        return known
    stamp = ReviewStamp.objects.create(seal=seal, seal_hash=hash_, note=note, reviewed_by=actor)
    record(
        actor=actor, action=ACTION, entity_type=ENTITY, entity_id=seal, changes={"seal_hash": (None, hash_)},
        reason=note,
    )  # fmt: skip
    stamp.refresh_from_db(fields=["reviewed_at"])
    return stamp


def last_review() -> AuditEntry | None:
    """
    Return the entry of the review that reaches furthest, among the newest.

    From the trail and not from the rows: whoever may only insert could else claim a review.
    """
    newest = list(ours(AuditEntry.objects.filter(action=ACTION), past=MOST_FOREIGN))[:MOST_FOREIGN]
    return max(newest, key=lambda entry: (int(entry.entity_id), entry.pk), default=None)
