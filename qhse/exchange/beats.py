"""What people see of an import whose transaction has not ended, and how it learns that they have cancelled it."""

from __future__ import annotations

from contextlib import closing
from types import TracebackType
from typing import Any, Self

from django.db import DEFAULT_DB_ALIAS, connection, connections

from qhse.exchange.models import ImportJob, ImportStatus


class ImportWasCancelled(Exception):
    """Somebody has cancelled it while it ran."""


class Beat:
    """
    Tells how far a transaction has come, by a second connection: what the transaction itself writes nobody sees.

    On SQLite nobody else can write meanwhile, so nothing is told. Raises ImportWasCancelled if the import has been.
    """

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._other: Any = None

    def __enter__(self) -> Self:
        if connection.vendor == "postgresql":
            self._other = connections.create_connection(DEFAULT_DB_ALIAS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._other is not None:
            self._other.close()

    def tell(self, rows: int) -> None:
        if self._other is None:
            return
        with closing(self._other.cursor()) as cursor:
            cursor.execute(
                "UPDATE exchange_importjob SET rows_tried = %s, beat_at = statement_timestamp() "
                "WHERE id = %s AND status = %s",
                [rows, self._job.pk, ImportStatus.RUNNING.value],
            )
            # Nobody is there in a test whose own transaction has made the import: then nobody can have cancelled it.
            if not cursor.rowcount:
                cursor.execute("SELECT 1 FROM exchange_importjob WHERE id = %s", [self._job.pk])
                if cursor.fetchone():
                    raise ImportWasCancelled
