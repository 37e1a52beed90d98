"""
CSV in two dialects.

For programs: RFC 4180. Commas, CRLF, UTF-8 without a mark, decimal points, `true` and `false`, times as in the API.

For Excel as it is set up in Germany, Italy and France: semicolons, decimal commas, and a byte order mark, without which
it takes UTF-8 for Windows-1252. Days are 2026-11-23, which each of them reads as a day. There is no `sep=;` line in
front: it makes Excel forget the mark. Excel in English wants commas; there is XLSX for it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from qhse.exporting.cells import Column, Kind, Row, as_text, guarded


class Dialect(NamedTuple):
    delimiter: str
    mark: str
    point: str
    yes: str
    no: str
    moment: Callable[[datetime], str]


def _for_programs(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).isoformat()[:-6]}Z"


def _for_excel(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


PROGRAMS = Dialect(",", "", ".", "true", "false", _for_programs)
EXCEL = Dialect(";", "\ufeff", ",", "yes", "no", _for_excel)


class Chunk(NamedTuple):
    """Bytes that are sent together, and how many rows are in them."""

    content: bytes
    rows: int


def csv_chunks(columns: Sequence[Column], pieces: Iterable[list[Row]], dialect: Dialect) -> Iterator[Chunk]:
    """Yield a chunk for each piece. The first has the heading; without any piece, it is alone."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    shown = [_shown(column.kind, dialect) for column in columns]
    text.write(dialect.mark)
    writer.writerow([guarded(column.name) for column in columns])
    rows = 0
    for piece in pieces:
        if rows:
            yield _taken(text, rows)
        writer.writerows([[show(value) for show, value in zip(shown, row, strict=True)] for row in piece])
        rows = len(piece)
    yield _taken(text, rows)


def _taken(text: io.StringIO, rows: int) -> Chunk:
    content = text.getvalue().encode("utf-8", "backslashreplace")
    text.seek(0)
    text.truncate()
    return Chunk(content, rows)


def _shown(kind: Kind, dialect: Dialect) -> Callable[[Any], Any]:
    """Return what shows a value of a column. Numbers stay numbers, so a minus in front of one is harmless."""

    def number(value: Any) -> Any:
        return value if value is None or dialect.point == "." else str(value).replace(".", dialect.point)

    def show(value: Any) -> Any:
        if type(value) is str:
            return guarded(value)
        if value is None or type(value) is int:
            return value
        if isinstance(value, bool):
            return dialect.yes if value else dialect.no
        if isinstance(value, float | Decimal):
            return number(value)
        if isinstance(value, datetime):
            return dialect.moment(value)
        if isinstance(value, date):
            return value.isoformat()
        return guarded(as_text(value))

    return number if kind is Kind.NUMBER else show
