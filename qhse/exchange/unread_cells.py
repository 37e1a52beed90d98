"""
Cells of a workbook that have content, and no value that can be read: errors, and formulas that nobody has computed.

The library that reads tables gives them as empty ones. So the XML of the sheet is gone through once more, as a stream:
memory does not grow with it, and neither entities nor a document type are taken. Pure rules for the program that reads.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from typing import IO, Any
from xml.parsers import expat

NOT_COMPUTED = "not computed"
UNREAD = "unread"
"""The key of a cell that has content and no value. Its value is what Excel shows, or NOT_COMPUTED."""
Found = dict[int, dict[int, str]]
"""By row and column, both from 0 on: what stands there."""
MOST = 500_000
_PIECE, _OVERLAP = 1_048_576, 8  # bytes; a sign may lie across two pieces
# A type of document, which is refused; the type of an error, maybe by a reference; a formula, with a prefix or without;
# and numbers that are none.
_SIGNS = (
    *(b"<!d", b'"e"', b"'e'", b'"&', b"'&"),
    *(start + end for start in (b"<f", b":f") for end in (b">", b" ", b"/", b"\t", b"\r", b"\n")),
    *(b">" + sign + word for sign in (b"", b"+", b"-") for word in (b"nan", b"inf")),
)
_OTHER_ENCODING = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class SheetIsUnreadable(Exception):
    """The XML is not what an office program writes."""


def unread_of(archive: zipfile.ZipFile, sheet: str) -> Found:
    """Return the cells of this sheet that cannot be read. Raises SheetIsUnreadable where the file is not as it says."""
    try:
        return _unread_of(archive, sheet)
    except (KeyError, ValueError, expat.ExpatError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise SheetIsUnreadable from error


def _unread_of(archive: zipfile.ZipFile, sheet: str) -> Found:
    relation = _attribute_of(archive, "xl/workbook.xml", "sheet", {"name": sheet}, "id")
    target = _attribute_of(archive, "xl/_rels/workbook.xml.rels", "Relationship", {"Id": relation}, "Target")
    name = target.lstrip("/") if target.startswith(("/", "xl/")) else posixpath.normpath(f"xl/{target}")
    with _opened(archive, name) as xml:
        if not _is_worth_reading(xml):
            return {}
    reading = _Sheet()
    with _opened(archive, name) as xml:
        _parser(reading.start, reading.end, reading.text).ParseFile(xml)
    return reading.found


def _parser(start: Any, end: Any = None, text: Any = None) -> Any:
    def refuse(*given: Any) -> None:
        raise SheetIsUnreadable

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    return parser


def _attribute_of(archive: zipfile.ZipFile, member: str, element: str, having: dict[str, str], wanted: str) -> str:
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == element and all(attributes.get(key) == value for key, value in having.items()):
            found.extend(value for key, value in attributes.items() if _local(key) == wanted)

    with _opened(archive, member) as xml:
        _parser(start).ParseFile(xml)
    if not found:
        raise SheetIsUnreadable
    return found[0]


def _is_worth_reading(xml: IO[bytes]) -> bool:
    """Answer whether such a cell can be in a sheet. To look at every cell takes the time of forty such looks."""
    end = xml.read(_PIECE)
    if b"\0" in end[:4] or _OTHER_ENCODING.search(end[:200]):
        return True
    while end:
        lowered = end.lower()
        if any(sign in lowered for sign in _SIGNS):
            return True
        piece = xml.read(_PIECE)
        end = end[-_OVERLAP:] + piece if piece else b""
    return False


def _opened(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    """Open a part of the workbook. The library finds it in any case of letters, so must this."""
    named = {name.lower(): name for name in archive.namelist()}
    return archive.open(named[member.lower()])


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Sheet:
    """Goes through the cells in their order. One without a reference stands behind the one before it."""

    def __init__(self) -> None:
        self.found: Found = {}
        self._count = 0
        self._row = self._column = -1
        self._type, self._value = "", ""
        self._in_cell = self._in_value = self._has_formula = self._has_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _local(name)
        if tag == "c":
            self._column += 1
            if placed := _REFERENCE.fullmatch(attributes.get("r", "")):
                self._row, self._column = int(placed[2]) - 1, _place_of(placed[1])
            self._type, self._value = attributes.get("t", "n"), ""
            self._in_cell, self._has_formula, self._has_value = True, False, False
        elif tag == "row":
            self._row, self._column = int(attributes.get("r", self._row + 2)) - 1, -1
        elif tag == "f" and self._in_cell:
            self._has_formula = True
        elif tag == "v" and self._in_cell:
            self._in_value = self._has_value = True

    def text(self, data: str) -> None:
        if self._in_value:
            self._value += data[:100]

    def end(self, name: str) -> None:
        tag = _local(name)
        if tag == "v":
            self._in_value = False
        elif tag == "c" and self._in_cell:
            self._in_cell = False
            if what := self._unread():
                self._count += 1
                if self._count > MOST:
                    raise SheetIsUnreadable
                self.found.setdefault(self._row, {})[self._column] = what

    def _unread(self) -> str:
        """Return what the cell has instead of a value, or nothing. A formula may be worth an empty text."""
        value = self._value.strip()
        if self._type == "e":
            return value[:40] or "#ERROR"
        if self._has_formula and not (value or (self._type == "str" and self._has_value)):
            return NOT_COMPUTED
        if self._type == "n" and value.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
            return value
        return ""


def _place_of(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - 64
    return place - 1
