"""
Quotation marks of a CSV that cannot be meant as they stand: a stray one makes one cell of many rows, silently.

Pure rules for the program that reads tables. Each finding goes on behind the words "The file".
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_BREAK = re.compile(r"\r\n|\r|\n")
_HEADS = 10  # rows above which titles may stand
_SAY = 'Take the mark away, or write the text in quotation marks and each mark in it twice ("")'
_ONE_TEXT = "If it is one text, save the file as .xlsx"


class _Cell(NamedTuple):
    """A cell as it is written. `line` counts from 0 within its row."""

    line: int
    text: str
    is_quoted: bool


class QuoteIsDoubtful(Exception):
    """A quotation mark stands where it opens or closes what nobody can have meant."""


class CellIsTooLong(Exception):
    """A cell is longer than the bound of the csv module."""


def demand_clear_quotes(text: str, separator: str, *, above: int = 0) -> None:
    """
    Raise QuoteIsDoubtful where a quotation mark may take in rows: one that nothing closes, one behind which the cell
    goes on, and a cell some lines of which have as many separators as a row. Raise CellIsTooLong with its place.

    `above` lines of the file stand before the text.
    """
    lines = _Lines(text)
    rows = csv.reader(lines, delimiter=separator, strict=True)
    widths: list[int] = []  # of rows of one line
    several: list[tuple[int, int, str]] = []  # line, width and text of the others
    try:
        for row in rows:
            begun, raw = lines.take()
            if rows.line_num - begun > 1:
                several.append((above + begun, len(row), raw))
            elif len(row) > 1:
                widths.append(len(row))
            if any(cell[:1].isspace() and cell.lstrip()[:1] == '"' for cell in row):
                _demand_no_space(raw, separator, above + begun)
    except csv.Error as error:
        raise _explained(error, lines, separator, above) from None
    usual = _usual(widths)
    for line, width, raw in several:
        _demand_one_row(list(_cells(raw, separator)), separator, line, usual or width)


class _Lines:
    """The lines of a text, of which those are kept that the present row has."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._row: list[str] = []
        self._begun = self._read = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._row.append(line)
            self._read += 1
            yield line

    def take(self) -> tuple[int, str]:
        """Return how many lines stand before the present row, and its text. The next row begins."""
        begun, raw = self._begun, "".join(self._row)
        self._row, self._begun = [], self._read
        return begun, raw


def _usual(widths: list[int]) -> int:
    """Return how many cells most rows have, without those above the row of names; the larger of two that are usual."""
    heads = widths[:_HEADS]
    found = Counter(widths[heads.index(max(heads)) :] if heads else []).items()
    return max(found, key=lambda each: (each[1], each[0]))[0] if found else 0


def _cells(raw: str, separator: str) -> Iterator[_Cell]:
    """Yield the cells of a row up to the first one behind whose closing mark it goes on."""
    # A line break ends a row outside of quotation marks alone: this is the text of one row.
    cell = re.compile(rf'"[^"]*(?:""[^"]*)*(?:"|\Z)|[^{re.escape(separator)}\r\n]*')
    place, line = 0, 0
    while found := cell.match(raw, place):
        yield _Cell(line, found[0], found[0].startswith('"'))
        line += len(_BREAK.findall(found[0]))
        place = found.end()
        if raw[place : place + 1] != separator:
            return
        place += 1


def _explained(error: csv.Error, lines: _Lines, separator: str, above: int) -> Exception:
    begun, raw = lines.take()
    last = list(_cells(raw, separator))[-1]
    opened = above + begun + last.line + 1
    if "field larger" in str(error):
        perhaps = f"; perhaps the quotation mark in line {opened:,} is not closed" if last.is_quoted else ""
        return CellIsTooLong(f"in line {opened:,}{perhaps}")
    if not last.is_quoted:
        return QuoteIsDoubtful(f"cannot be read in line {opened:,}: {error}")
    if "unexpected end" in str(error):
        return QuoteIsDoubtful(f"has a quotation mark in line {opened:,} that nothing closes. {_SAY}")
    closed = opened + len(_BREAK.findall(last.text))
    where = f"closed in line {closed:,}" if closed > opened else "closed there"
    return QuoteIsDoubtful(
        f"has a quotation mark in line {opened:,} that is {where} though the cell goes on behind it. {_SAY}"
    )


def _demand_no_space(raw: str, separator: str, begun: int) -> None:
    for cell in _cells(raw, separator):
        if not cell.is_quoted and cell.text[:1].isspace() and cell.text.lstrip()[:1] == '"':
            raise QuoteIsDoubtful(
                f"has white space before a quotation mark in line {begun + cell.line + 1:,}, so the mark opens no "
                "cell. Take the space away"
            )


def _demand_one_row(cells: list[_Cell], separator: str, begun: int, columns: int) -> None:
    """Raise QuoteIsDoubtful if a cell of several lines may hold rows of so many columns."""
    for place, cell in enumerate(cells):
        if not cell.is_quoted or not _BREAK.search(cell.text):
            continue
        lines = _BREAK.split(cell.text)
        first, *middle, last = (line.count(separator) for line in lines)
        # Of its first line and its last one parts lie outside of it. Where a stray mark has opened it, both are rows.
        first, last = first + place, last + len(cells) - 1 - place
        whole = columns - 1
        are_rows = first >= whole and last >= whole
        if are_rows or max(middle, default=-1) >= whole or _begins_alike(cells[0].text, lines[1:], separator):
            opened = begun + cell.line + 1
            raise QuoteIsDoubtful(
                f"has a quotation mark in line {opened:,} that makes one cell of lines {opened:,} to "
                f"{opened + len(lines) - 1:,}, which look like rows. {_SAY}. {_ONE_TEXT}"
            )


def _begins_alike(first: str, lines: list[str], separator: str) -> bool:
    """Answer whether a line begins as the row does, with SUP-00018 where it has SUP-00017. Rows may be short."""
    shape = _shape(first)
    return "9" in shape and any(separator in line and _shape(line.split(separator)[0]) == shape for line in lines)


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]", "A", re.sub(r"[0-9]", "9", text.strip().strip('"')))
