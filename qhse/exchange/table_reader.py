"""
A program of its own, which reads one table and ends. Of the project it imports pure rules alone; it knows no secret.

The file comes from strangers, and is read by a library of machine code. What that can do wrong ends with this process:
it may use so much memory, so much time, and write so many bytes.

It is called with the kind of file and the bounds, and gets the file by its standard input. It answers with lines of
JSON: first what it found out, then each row that is not empty as its number and its cells. A cell is a text, or a
number where the file has one, or {"unread": …} where it has something that is no value. Days are texts by ISO 8601.
Texts have no white space around them. Those of a CSV have no apostrophe that an export has put in front. A refusal is
one line with the key `refused`, or `too_large`. What it says goes on behind the words "The file".
"""

from __future__ import annotations

import codecs
import csv
import errno
import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

from qhse.exchange.csv_quotes import CellIsTooLong, QuoteIsDoubtful, demand_clear_quotes
from qhse.exchange.unread_cells import UNREAD, Found, SheetIsUnreadable, unread_of

MEMORY = 768 * 1_048_576  # bytes of addresses; the interpreter and the library take a fifth of it
SECONDS = 20  # of computing
ANSWER = 128 * 1_048_576  # bytes
NO_SPACE = 75  # the exit code when the disk of the answer is full
LONGEST_CELL = 32_767  # characters, as in Excel
_ENDS = (";", "\t", ",")
# What `qhse.exporting.cells.guarded` makes. It is not imported: this program imports little of the project.
_GUARDED = re.compile("'+(?:[\t\r\n]|\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")
_FROM_1904 = re.compile(rb"<(?:[\w.-]+:)?workbookPr\b[^>]*\bdate1904\s*=\s*[\"'](?:1|true)[\"']")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Refused(Exception):
    """The message goes on behind the words `The file`."""

    key = "refused"


class TooLarge(Refused):
    key = "too_large"


def bound_this_process() -> None:
    """Let the system end this process when it uses too much. Where there are no such bounds, time alone ends it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, ANSWER),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, MEMORY),
        ):
            resource.setrlimit(kind, (most, most))


# --- CSV ------------------------------------------------------------------------------------------------------------


def text_of(content: bytes) -> tuple[str, str]:
    """Return a text and the name of its encoding: by its mark, else UTF-8, else that of Windows in Western Europe."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                return content.decode(encoding), encoding.removesuffix("-sig")
            except UnicodeDecodeError:
                raise Refused("begins as a text in Unicode, and goes on as none") from None
    if b"\0" in content:
        raise Refused("holds NUL characters, so it is no text. Save it as CSV in UTF-8")
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding), encoding
    raise Refused("is no text in UTF-8, UTF-16 or Windows-1252. Save it as CSV in UTF-8")


def separator_of(text: str) -> tuple[str, str]:
    """Return what parts the cells, and the text without a line that says so: `sep=;`, which Excel understands."""
    first, _, rest = text.partition("\n")
    said = first.strip().lower()
    if said.startswith("sep=") and len(said) == 5:
        return said[4], rest
    # In the first lines, and outside of quotes. Names of columns have commas more often than semicolons.
    best, most = _ENDS[-1], 0
    for line in [line for line in text[:65_536].splitlines() if line.strip()][:10]:
        bare = "".join(line.split('"')[::2])
        for each in _ENDS:
            if bare.count(each) > most:
                best, most = each, bare.count(each)
        if most:
            break
    return best, text


def rows_of_csv(content: bytes) -> tuple[dict[str, Any], Iterator[list[Any]]]:
    text, encoding = text_of(content)
    if "\0" in text:
        raise Refused("holds NUL characters")
    separator, rest = separator_of(text)
    csv.field_size_limit(LONGEST_CELL)
    try:
        demand_clear_quotes(rest, separator, above=int(rest is not text))
    except QuoteIsDoubtful as doubt:
        raise Refused(str(doubt)) from None
    except CellIsTooLong as place:
        raise TooLarge(f"has a cell of more than {LONGEST_CELL:,} characters {place}") from None
    lines = csv.reader(io.StringIO(rest, newline=""), delimiter=separator, skipinitialspace=False, strict=True)
    return {"encoding": encoding, "separator": separator}, _read_csv(lines)


def as_it_was(text: str) -> str:
    """
    Return the text that `guarded` was given when our own CSV was written.

    A file of somebody else loses an apostrophe only in front of what a spreadsheet would run.
    """
    return text[1:] if _GUARDED.match(text) else text


def _read_csv(lines: Any) -> Iterator[list[Any]]:
    for row in lines:
        yield [as_it_was(cell) for cell in row]


# --- XLSX -----------------------------------------------------------------------------------------------------------


def rows_of_xlsx(content: bytes) -> tuple[dict[str, Any], Iterator[list[Any]]]:
    """Values alone are read: what a formula was worth when the file was saved. No link in it is followed."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [each for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
        seen = [each.name for each in sheets if each.visible == SheetVisibleEnum.Visible]
        for name in seen:
            sheet, unread = book.get_sheet_by_name(name), unread_cells_of(content, name)
            if sheet.height or unread:
                facts = {"sheet": name, "sheets": len(seen), "from_1904": counts_from_1904(content)}
                return facts, with_unread(sheet, unread)
        hidden = [each.name for each in sheets if each.name not in seen and book.get_sheet_by_name(each.name).height]
    except PasswordError:
        raise Refused("is protected by a password") from None
    except (CalamineError, OSError, ValueError, LookupError, zipfile.BadZipFile):
        raise Refused("is damaged, or no Excel file") from None
    if hidden:
        raise Refused(f"has rows on hidden sheets alone. Show the sheet {hidden[0]!r} in Excel, and save it")
    return {}, iter(())


def unread_cells_of(content: bytes, sheet: str) -> Found:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return unread_of(archive, sheet)
    except (SheetIsUnreadable, zipfile.BadZipFile):
        raise Refused("is damaged, or no Excel file") from None


def with_unread(sheet: Any, unread: Found) -> Iterator[list[Any]]:
    """
    Yield the rows of a sheet, and in them what the library gives as empty: cells that have content and no value.

    The empty rows above the first one come too, so that they are counted as in the sheet. Empty columns do not.
    """
    begin = sheet.start[1] if sheet.start else None
    first = min([place for row in unread.values() for place in row] + ([] if begin is None else [begin]), default=0)
    before = [""] * ((first if begin is None else begin) - first)
    number = -1
    for number, row in enumerate(sheet.iter_rows() if sheet.height else ()):
        yield _filled(before + row, unread.get(number, {}), first)
    for more in range(number + 1, max(unread, default=-1) + 1):
        yield _filled([], unread.get(more, {}), first)


def _filled(row: list[Any], unread: dict[int, str], first: int) -> list[Any]:
    for place, what in unread.items():
        row += [""] * (place - first + 1 - len(row))
        row[place - first] = {UNREAD: what}
    return row


def counts_from_1904(content: bytes) -> bool:
    """Answer whether a workbook counts its days from 1904, as old Macs did: a bare number then means another day."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _FROM_1904.search(archive.read("xl/workbook.xml")) is not None


# --- Both -----------------------------------------------------------------------------------------------------------


def cell_of(value: Any) -> Any:
    """Return a cell as it is handed on. A number stays one, so that nobody takes 12.345 for twelve thousand."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):  # has content that cannot be read
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return {UNREAD: str(value)}
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if isinstance(value, int) else str(value)


def told(rows: Iterable[list[Any]], *, most_rows: int, most_columns: int) -> Iterator[str]:
    """Yield each row that is not empty, as a line. Raises TooLarge."""
    found = 0
    for number, row in enumerate(rows, start=1):
        while row and row[-1] in ("", None):
            row.pop()
        cells = [cell_of(value) for value in row]
        while cells and cells[-1] == "":
            cells.pop()
        if not cells:
            continue
        found += 1
        if found > most_rows:
            raise TooLarge(f"has more than {most_rows - _ABOVE:,} rows. Divide it")
        if len(cells) > most_columns:
            raise TooLarge(f"has more than {most_columns} columns in row {number:,}")
        if any(isinstance(each, str) and "\0" in each for each in cells):
            raise Refused(f"holds a NUL character in row {number:,}")
        if any(isinstance(each, str) and len(each) > LONGEST_CELL for each in cells):
            raise TooLarge(f"has a cell of more than {LONGEST_CELL:,} characters in row {number:,}")
        yield json.dumps([number, cells])


_ABOVE = 10  # rows that may stand above the first one of records: titles and names


def main() -> None:
    bound_this_process()
    try:
        _answer()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.stderr.write(str(error))
        sys.stderr.flush()
        os._exit(NO_SPACE)  # what is held back would be written once more


def _answer() -> None:
    kind, most_rows, most_columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    out = sys.stdout
    try:
        facts, rows = {"csv": rows_of_csv, "xlsx": rows_of_xlsx}[kind](sys.stdin.buffer.read())
        out.write(json.dumps(facts) + "\n")
        for line in told(rows, most_rows=most_rows + _ABOVE, most_columns=most_columns):
            out.write(line + "\n")
    except Refused as refusal:
        out.write(json.dumps({refusal.key: str(refusal)}) + "\n")
    except MemoryError:
        out.write(json.dumps({"too_large": "needs too much memory"}) + "\n")
    out.flush()
