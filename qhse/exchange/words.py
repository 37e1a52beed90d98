"""People's words for what happens to imports."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from qhse.exchange.models import ImportMode, ImportStatus

register(
    Words(
        record="import",
        name="import",
        group=Group.BUSINESS,
        happened={
            "IMPORT_PREVIEWED": "File checked for an import",
            "IMPORT_CHANGED": "Import set up anew",
            "IMPORT_STARTED": "Import started",
            "IMPORT_DONE": "Import done",
            "IMPORT_FAILED": "Import failed",
            "IMPORT_CANCELLED": "Import cancelled",
        },
        fields={
            "import_kind": Field("what is imported"),
            "file_name": Field("file name"),
            "sha256": Field("digest of the file"),
            "mode": Field("what happens to bad rows", choices=dict(ImportMode.choices)),
            "import_status": Field("state of the import", choices=dict(ImportStatus.choices)),
            "import_columns": Field("fields of the columns"),
            "rows_total": Field("rows"),
            "rows_new": Field("new"),
            "rows_changed": Field("changed"),
            "rows_same": Field("as they were"),
            "rows_refused": Field("refused"),
            "foreseen_bad": Field("rows with errors"),
            "why": Field("why"),
        },
    )
)
