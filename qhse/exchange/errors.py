"""What imports refuse."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class ImportNotFound(RecordNotFound):
    code = "import_not_found"


class KindIsUnknown(InvalidInput):
    """No kind of record of this name can be imported."""

    code = "unknown_kind"


class ColumnsDoNotFit(InvalidInput):
    """The assignment of columns names a field that there is not, or one twice, or has another length."""

    code = "invalid_columns"


class FileNameIsUnreadable(InvalidInput):
    code = "invalid_file_name"


class TableIsRefused(DomainError):
    """The file is no table that can be read: another kind, damaged, with macros, or without a row of names."""

    status = 415
    code = "unsupported_file"
    title = "Unsupported media type"


class TableIsTooLarge(DomainError):
    """More bytes, rows, columns or text than are taken."""

    status = 413
    code = "payload_too_large"
    title = "Content too large"


class ReaderIsBusy(DomainError):
    """The process that reads tables could not be started."""

    status = 503
    code = "reader_unavailable"
    title = "Service unavailable"
    retry_after = 5


class ImportIsNotReady(DomainError):
    """Columns that are needed are missing, or no row can be imported."""

    code = "import_not_ready"


class ImportHasStarted(DomainError):
    """Only an import that has not started yet can be changed or started, and only one that has not ended cancelled."""

    code = "import_has_started"
