"""
XLSX, written row by row: memory does not grow with the rows, the disk has them.

A file of this kind is a ZIP whose parts are packed at the end. So it is whole before its first byte can be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import IO, Any

from qhse.exporting.cells import Column, Kind, Row, as_text, may_be_run

MOST_ROWS = 1_048_575
"""Of a sheet, below its heading."""

MOST_CHARACTERS = 32_767
"""Of a cell."""

CUT = " … [cut: a cell of a spreadsheet holds no more; the CSV has all of it]"
_EXACT = 10**15  # whole numbers from here on lose digits there
_WIDTHS = {Kind.DAY: 12, Kind.MOMENT: 20, Kind.NUMBER: 12}
_WIDEST = 60

Write = Callable[[int, int, Any], object]


def write_xlsx(file: IO[bytes], columns: Sequence[Column], pieces: Iterable[list[Row]], *, name: str) -> int:
    """
    Write a workbook with one sheet to a file that can be sought in. Return how many rows it has.

    Texts are texts, whatever they begin with: they have the mark that Excel sets for an apostrophe in front. So nobody
    sees one, and a cell that is edited does not become a formula. Days and times are Excel's, times in UTC.
    Raises ValueError for more than MOST_ROWS.
    """
    import xlsxwriter  # here: a process that exports nothing need not have it in memory

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet(_sheet_name(name))
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        writers = [_writer(column.kind, book, sheet) for column in columns]
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.name, bold)
            sheet.set_column(place, place, _WIDTHS.get(column.kind, 14))
        number = 0
        for piece in pieces:
            if not number:
                _widen(sheet, columns, piece)
            for row in piece:
                number += 1
                if number > MOST_ROWS:
                    raise ValueError(f"a sheet has {MOST_ROWS:,} rows at most")
                for place, value in enumerate(row):
                    if value is not None and value != "":
                        writers[place](number, place, value)
        if columns:
            sheet.autofilter(0, 0, number, len(columns) - 1)
    return number


def _sheet_name(name: str) -> str:
    return "".join(" " if each in "[]:*?/\\'" else each for each in name)[:31].strip() or "Export"


def _widen(sheet: Any, columns: Sequence[Column], rows: list[Row]) -> None:
    """Make columns as wide as the texts of the first rows, within reason."""
    for place, column in enumerate(columns):
        if column.kind not in _WIDTHS:
            longest = max((len(row[place]) for row in rows if isinstance(row[place], str)), default=0)
            sheet.set_column(place, place, min(max(longest, len(column.name)) + 2, _WIDEST))


def _writer(kind: Kind, book: Any, sheet: Any) -> Write:
    text = book.add_format({"quote_prefix": True})
    day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"))

    def write_text(row: int, place: int, value: str) -> None:
        whole = value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - len(CUT)] + CUT
        sheet.write_string(row, place, whole, text if may_be_run(whole) else None)

    def write_number(row: int, place: int, value: Any) -> None:
        exact = abs(value) < _EXACT  # neither is NaN, nor infinity
        sheet.write_number(row, place, value) if exact else write_text(row, place, str(value))

    def write_day(row: int, place: int, value: date) -> None:
        if 1900 < value.year <= 9999:
            sheet.write_datetime(row, place, datetime.combine(value, time.min), day)
        else:  # the calendar of Excel begins in 1900
            write_text(row, place, value.isoformat())

    def write_moment(row: int, place: int, value: datetime) -> None:
        if 1900 < value.year < 9999:
            sheet.write_datetime(row, place, value.astimezone(UTC).replace(tzinfo=None), moment)
        else:
            write_text(row, place, value.isoformat())

    def write_other(row: int, place: int, value: Any) -> None:
        if isinstance(value, bool):
            write_text(row, place, "yes" if value else "no")
        elif isinstance(value, int | float | Decimal):
            write_number(row, place, value)
        elif isinstance(value, datetime):
            write_moment(row, place, value)
        elif isinstance(value, date):
            write_day(row, place, value)
        else:
            write_text(row, place, as_text(value))

    from_text: dict[Kind, Write] = {
        Kind.DAY: lambda row, place, value: write_day(row, place, date.fromisoformat(value)),
        Kind.MOMENT: lambda row, place, value: write_moment(row, place, datetime.fromisoformat(value)),
        Kind.NUMBER: lambda row, place, value: write_number(row, place, Decimal(value)),
    }
    of_text = from_text.get(kind, write_text)

    def write(row: int, place: int, value: Any) -> None:
        (of_text if isinstance(value, str) else write_other)(row, place, value)

    return write
