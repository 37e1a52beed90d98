"""
A whole list as a file: its keys are read first, then its rows in pieces, and each export stands in the trail.

The keys are those of one moment, in the order of the list; eight bytes each are kept. A piece is read by its keys when
its turn comes, with a statement of its own. So the filter is worked out once, no row is met twice or missed, and no
transaction stays open while a reader takes their time: it would keep the database from tidying up, and would be ended
for idling. The price: what changes meanwhile is told as it is when its piece is read. A cursor of the server's would
need that transaction. A condition on the last key would work out the filter again for each piece, and serves one order.
"""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import IO, Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from audit.services import Actor
from qhse.clock import hold_present, today
from qhse.exporting.cells import Column, Row
from qhse.exporting.csv_out import EXCEL, PROGRAMS, Chunk, csv_chunks
from qhse.exporting.errors import ListIsTooLong
from qhse.exporting.recording import Exported, record_begun, record_export
from qhse.exporting.turns import take_export_turn
from qhse.exporting.xlsx_out import MOST_ROWS, write_xlsx
from qhse.replica.reading import Reader
from qhse.temporary import temporary_file, temporary_space

logger = logging.getLogger("qhse.exports")

PIECE = 500
"""Rows that are read, and sent, together."""

MOST_KEYS = 5_000_000
"""Of a list that a server sends: 40 MB. A command has no such bound."""

_BLOCK = 65_536
CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Form(Enum):
    """How a list is written."""

    CSV = "csv"
    EXCEL_CSV = "csv for Excel"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        return XLSX_TYPE if self is Form.XLSX else CSV_TYPE

    @property
    def suffix(self) -> str:
        return "xlsx" if self is Form.XLSX else "csv"

    @property
    def content_type(self) -> str:
        return XLSX_TYPE if self is Form.XLSX else f"{CSV_TYPE}; charset=utf-8; header=present"


@dataclass(frozen=True, kw_only=True)
class Export:
    """
    What is to be exported. `rows_of` returns the rows of these keys, in their order, without those that are gone, as
    they are read by the connection of that name.

    `chosen` is the list as it is filtered and ordered. `filter` says so in words of the address. `name` is what the
    trail calls the list, `title` what people do.
    """

    name: str
    title: str
    columns: Sequence[Column]
    chosen: QuerySet[Any]
    rows_of: Callable[[Sequence[int], str], list[Row]]
    filter: Mapping[str, Any] = field(default_factory=dict)
    may_read_replica: bool = False

    @property
    def about(self) -> str:
        return str(self.chosen.model._meta.label_lower)

    def file_name(self, form: Form) -> str:
        kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in self.title.lower())
        return f"{kept.strip('-') or 'export'}-{today()}.{form.suffix}"


def in_order(keys: Sequence[int], records: QuerySet[Any]) -> list[Any]:
    """Return the records of these keys in the order of the keys."""
    found = {record.pk: record for record in records.filter(pk__in=list(keys)).order_by()}
    return [found[key] for key in keys if key in found]


class ExportStream:
    """
    The bytes of an export, one chunk after the other, and its entry in the trail.

    The entry is stored before the last chunk is handed over: a file has one, or it does not get whole. `close` says
    what became of one that was broken off. A list of more than one piece is in the trail from its beginning: of a
    process that is killed, no more can be said. What one piece holds is done when this object has been made.
    """

    def __init__(
        self, export: Export, form: Form, *, actor: Actor | None, give_back: Callable[[], None], most: int | None
    ) -> None:
        self._export, self._form, self._actor = export, form, actor
        self._give_back = give_back
        self._file: IO[bytes] | None = None
        self._ready: deque[Chunk] = deque()
        self._digest, self._is_begun, self._is_over = hashlib.sha256(), False, False
        self.rows, self._size = 0, 0
        # The request's id, source and time, also when its middlewares have long returned.
        self._context = copy_context()
        try:
            self._context.run(self._begin, most)
        except BaseException:
            # Nobody has the object yet, who could close it.
            (self.close if self._is_begun else self._release)()
            raise

    @property
    def total(self) -> int:
        return len(self._keys)

    @property
    def length(self) -> int | None:
        """Return how many bytes it has in all, where that is known before they are sent."""
        if self._form is Form.XLSX:
            return self._size
        return len(self._ready[0].content) if self._is_over and self._ready else None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._ready:
            raise StopIteration
        try:
            if not self._is_over:
                self._context.run(self._take_out)
        except BaseException:
            self.close()
            raise
        return self._ready.popleft().content

    def close(self) -> None:
        """End it. If bytes are left that nobody has taken, the trail says that it is not complete."""
        if self._is_over:
            return
        self._is_over = True
        self._ready.clear()
        try:
            self._context.run(self._record, is_complete=False)
        except Exception:  # nobody is left to be told; where it was a long list, its beginning is in the trail
            logger.exception("an export that was broken off could not be recorded")
        finally:
            self._release()

    def _begin(self, most: int | None) -> None:
        hold_present()
        # One for all pieces: a copy that was chosen for the next one might not have what this one has shown.
        self.reader = Reader(self._actor if self._export.may_read_replica else None)
        self._keys = self._keys_within(most)
        if len(self._keys) > PIECE:
            export, form = self._export, self._form.value
            record_begun(
                name=export.name, form=form, filter=export.filter, rows=len(self._keys), actor=self._actor
            )  # fmt: skip
            self._is_begun = True
        self._chunks = self._xlsx() if self._form is Form.XLSX else self._csv()
        self._fill()
        if len(self._ready) < 2:
            self._take_out()

    def _take_out(self) -> None:
        """Count the chunk that goes out next, and read the one behind it. If there is none, store the entry."""
        self._fill()
        if self._ready:
            chunk = self._ready[0]
            self._digest.update(chunk.content)
            self.rows += chunk.rows
        if len(self._ready) < 2:
            self._record(is_complete=True)
            self._is_over = True
            self._release()

    def _fill(self) -> None:
        while len(self._ready) < 2 and (chunk := next(self._chunks, None)) is not None:
            self._ready.append(chunk)

    def _keys_within(self, most: int | None) -> array[int]:
        limit = MOST_ROWS if self._form is Form.XLSX else most

        def keys_on(using: str) -> array[int]:
            chosen = self._export.chosen.using(using).values_list("pk", flat=True)
            return array("q", (chosen if limit is None else chosen[: limit + 1]).iterator(chunk_size=10_000))

        keys = self.reader.read(keys_on)
        if limit is not None and len(keys) > limit:
            other = "Ask for CSV, or narrow" if self._form is Form.XLSX else "Narrow"
            raise ListIsTooLong(f"The list has more than {limit:,} rows. {other} it by filters.")
        return keys

    def _record(self, *, is_complete: bool) -> None:
        record_export(
            Exported(
                name=self._export.name,
                about=self._export.about,
                form=self._form.value,
                filter=self._export.filter,
                rows=self.rows,
                sha256=self.sha256,
                is_complete=is_complete,
                actor=self._actor,
            )
        )

    def _release(self) -> None:
        self._give_back()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _pieces(self) -> Iterator[list[Row]]:
        for start in range(0, len(self._keys), PIECE):
            keys = self._keys[start : start + PIECE]
            yield self.reader.read(partial(self._export.rows_of, keys))

    def _csv(self) -> Iterator[Chunk]:
        dialect = EXCEL if self._form is Form.EXCEL_CSV else PROGRAMS
        return csv_chunks(self._export.columns, self._pieces(), dialect)

    def _xlsx(self) -> Iterator[Chunk]:
        # An open file without a name, which vanishes however this ends.
        self._file = temporary_file("export-")
        with temporary_space():
            rows = write_xlsx(self._file, self._export.columns, self._pieces(), name=self._export.title)
            self._size = self._file.seek(0, 2)
            self._file.seek(0)
        return self._blocks(self._file, rows)

    def _blocks(self, file: IO[bytes], rows: int) -> Iterator[Chunk]:
        """Yield the file. All its rows count from its first block on: nobody can tell in which of them a row is."""
        while block := file.read(_BLOCK):
            yield Chunk(block, rows)
            rows = 0


def export_for(user: Any, export: Export, form: Form) -> ExportStream:
    """Return the export of a list for a person. Raises TooManyExports, ListIsTooLong, NoTemporarySpace."""
    return ExportStream(export, form, actor=user, give_back=take_export_turn(user.pk), most=MOST_KEYS)


def export_by_system(export: Export, form: Form) -> ExportStream:
    """Return the export of a list for a command. It is as long as it is. Raises ListIsTooLong for XLSX."""
    return ExportStream(export, form, actor=None, give_back=lambda: None, most=None)


def as_answer(request: Any, export: Export, form: Form) -> HttpResponseBase:
    """
    Return an export as the answer to a person's request. A HEAD is told what a GET would get, and nothing leaves.

    A long CSV has no length: it is sent as it is read. What fails in its middle breaks the answer off, so that its
    reader notices.
    """
    answer: HttpResponseBase
    if request.method == "HEAD":
        answer = HttpResponse()
    else:
        stream = export_for(request.user, export, form)
        answer = StreamingHttpResponse(stream)
        if stream.length is not None:
            answer["Content-Length"] = str(stream.length)
    answer["Content-Type"] = form.content_type
    answer["Content-Disposition"] = f'attachment; filename="{export.file_name(form)}"'
    answer["Vary"] = "Accept"
    return answer
