"""What the audit app refuses."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput


class VerificationIsRunning(DomainError):
    """The whole trail is being verified already; one verification serves all who wait for it."""

    code = "verification_is_running"


class SealIsUnknown(InvalidInput):
    code = "unknown_seal"


class SealIsNotSound(DomainError):
    """The seal, or what it covers, is not as it was written. Nobody can have reviewed up to it."""

    code = "seal_is_not_sound"


class NoteIsMissing(InvalidInput):
    """A review says what it is about."""

    code = "note_required"
