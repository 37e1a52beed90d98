"""The trail, and what auditors do with it."""

from audit.models.trail import (
    AppendOnlyModel,
    AppendOnlyQuerySet,
    AuditEntry,
    AuditEntryQuerySet,
    AuditSeal,
    AuditTrailIsAppendOnly,
    EntryWasSwallowed,
    SealedEntry,
    SealingTurn,
)
from audit.models.work import MOST_FINDINGS, MOST_NOTE, ReviewStamp, TrailVerification, VerificationState

__all__ = [
    "MOST_FINDINGS",
    "MOST_NOTE",
    "AppendOnlyModel",
    "AppendOnlyQuerySet",
    "AuditEntry",
    "AuditEntryQuerySet",
    "AuditSeal",
    "AuditTrailIsAppendOnly",
    "EntryWasSwallowed",
    "ReviewStamp",
    "SealedEntry",
    "SealingTurn",
    "TrailVerification",
    "VerificationState",
]
