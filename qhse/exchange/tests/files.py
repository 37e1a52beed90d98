"""Files as office programs save them, and as nobody should: made by code."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{more}</Types>'
)
_RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}'
    "</Relationships>"
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_STYLES = (
    f'<styleSheet {_MAIN}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)


class Formula(str):
    """A formula that was worth 42 when the file was saved."""


class Raw(str):
    """The inside of a cell's element, behind `<c r="A1"`."""


class Serial(int):
    """A day as Excel stores it: a number in a cell that is formatted as a date."""


def column(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell(reference: str, value: object) -> str:
    if isinstance(value, Formula):
        return f'<c r="{reference}"><f>{escape(value)}</f><v>42</v></c>'
    if isinstance(value, Raw):
        return f'<c r="{reference}"{value}</c>'
    if isinstance(value, Serial):
        return f'<c r="{reference}" s="1"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{reference}"><v>{value}</v></c>'
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def sheet(rows: list[list[object]], extra: str = "") -> str:
    lines = [
        f'<row r="{number}">'
        + "".join(cell(f"{column(place)}{number}", value) for place, value in enumerate(row) if value != "")
        + "</row>"
        for number, row in enumerate(rows, start=1)
    ]
    return f"<worksheet {_MAIN}><sheetData>{''.join(lines)}</sheetData>{extra}</worksheet>"


def xlsx(rows: list[list[object]] | None = None, *, sheet_xml: str = "", more: dict[str, str] | None = None,
         types: str = "", extra: str = "") -> bytes:  # fmt: skip
    """Return a workbook with one sheet."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES.format(more=types))
        archive.writestr(
            "_rels/.rels",
            _RELS.format(f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'),
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets><sheet name="Tabelle1" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _RELS.format(
                f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
                f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
            ),
        )
        archive.writestr("xl/styles.xml", _STYLES)
        archive.writestr("xl/worksheets/sheet1.xml", sheet_xml or sheet(rows or [], extra))
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return made.getvalue()


def from_1904(book: bytes) -> bytes:
    """Return a workbook that counts its days from 1904."""
    return _with(book, "<sheets>", '<workbookPr date1904="1"/><sheets>')


def with_hidden_first_sheet(book: bytes, hidden: str, *, state: str = "hidden") -> bytes:
    """Return a workbook before whose only sheet another one lies, which nobody sees. `hidden` is its XML."""
    before = f'<sheets><sheet name="Listen" sheetId="2" state="{state}" r:id="r3"/>'
    relation = f'<Relationship Id="r3" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/></Relationships>'
    made = _with(_with(book, "<sheets>", before), "</Relationships>", relation, "xl/_rels/workbook.xml.rels")
    with zipfile.ZipFile(grown := io.BytesIO(made), "a") as archive:
        archive.writestr("xl/worksheets/sheet2.xml", hidden)
    return grown.getvalue()


def _with(book: bytes, old: str, new: str, member: str = "xl/workbook.xml") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            content = source.read(name).decode()
            archive.writestr(name, content.replace(old, new) if name == member else content)
    return made.getvalue()
