"""What attachments refuse."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class AttachmentNotFound(RecordNotFound):
    code = "attachment_not_found"


class PreviewNotFound(RecordNotFound):
    """It is no picture, none can be made of it, or none has been made yet."""

    code = "preview_not_found"


class EntityTypeIsUnknown(InvalidInput):
    """No kind of record of this name takes files."""

    code = "unknown_entity_type"


class RecordIsUnknown(InvalidInput):
    """The record that the file is for does not exist."""

    code = "unknown_record"


class FileNameIsInvalid(InvalidInput):
    code = "invalid_file_name"


class DescriptionIsTooLong(InvalidInput):
    code = "invalid_description"


class FileIsEmpty(InvalidInput):
    code = "empty_file"


class ReasonIsMissing(InvalidInput):
    code = "reason_required"


class FileIsTooLarge(DomainError):
    status = 413
    code = "payload_too_large"
    title = "Content too large"


class FileIsRefused(DomainError):
    """Its kind is not taken, its name says another one, or it is damaged."""

    status = 415
    code = "unsupported_file"
    title = "Unsupported media type"


class RecordNeedsAFile(DomainError):
    """The record stands on its files, and this is the last one. Another one has to be attached first."""

    code = "last_file"


class RecordHasTooManyFiles(DomainError):
    code = "too_many_files"


class FileIsVoided(DomainError):
    status = 410
    code = "file_voided"
    title = "Gone"


class StorageIsAway(DomainError):
    """The storage cannot do it now, or lacks the file. The log says which."""

    status = 503
    code = "storage_unavailable"
    title = "Service unavailable"
    retry_after = 5
