"""Reading back what was written as XLSX, by the standard library alone."""

from __future__ import annotations

import io
import zipfile
from typing import NamedTuple
from xml.etree import ElementTree

_NS = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


class Cell(NamedTuple):
    """`kind` is `inlineStr` for a text, `n` for a number. `is_quoted`: it counts as typed behind an apostrophe."""

    value: str
    kind: str
    is_quoted: bool


def cells_of(content: bytes) -> list[list[Cell | None]]:
    """Return the cells of the first sheet, row by row. Refuses a sheet with a formula in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        styles = ElementTree.fromstring(book.read("xl/styles.xml"))
    quoted = [each.get("quotePrefix") == "1" for each in styles.findall("x:cellXfs/x:xf", _NS)]
    assert not sheet.findall(".//x:f", _NS), "a formula"
    rows: list[list[Cell | None]] = []
    for row in sheet.findall("x:sheetData/x:row", _NS):
        found: dict[int, Cell] = {}
        for cell in row.findall("x:c", _NS):
            kind = cell.get("t", "n")
            text = cell.findtext("x:is/x:t", "", _NS) if kind == "inlineStr" else cell.findtext("x:v", "", _NS)
            found[_place(cell.get("r", ""))] = Cell(text, kind, quoted[int(cell.get("s", "0"))])
        rows.append([found.get(place) for place in range(max(found, default=-1) + 1)])
    return rows


def values_of(content: bytes) -> list[list[str]]:
    """Return the texts of the first sheet as they are stored."""
    rows = cells_of(content)
    width = max(map(len, rows), default=0)
    return [[cell.value if cell else "" for cell in [*row, *[None] * (width - len(row))]] for row in rows]


def _place(name: str) -> int:
    number = 0
    for letter in name.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    return number - 1
