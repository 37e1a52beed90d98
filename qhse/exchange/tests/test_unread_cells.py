"""Cells that have content and no value are found wherever they stand, and a damaged workbook is called one."""

from __future__ import annotations

import io
import zipfile

import pytest

from qhse.exchange import unread_cells
from qhse.exchange.unread_cells import NOT_COMPUTED, SheetIsUnreadable, unread_of

WORKBOOK = '<workbook xmlns:r="r"><sheets><sheet name="A &amp; B" r:id="rId7"/></sheets></workbook>'
RELATIONS = '<Relationships><Relationship Id="rId7" Target="worksheets/sheet1.xml"/></Relationships>'
CELLS = {
    '<c r="C2" t="e"><v>#N/A</v></c>': "#N/A",
    "<c r='C2' t='e'><v>#REF!</v></c>": "#REF!",
    '<c r="C2" t="&#101;"><v>#N/A</v></c>': "#N/A",
    '<c r="C2"><f>1+2</f></c>': NOT_COMPUTED,
    '<c r="C2"><f\nca="1">1+2</f><v></v></c>': NOT_COMPUTED,
    '<x:c xmlns:x="x" r="C2"><x:f>1+2</x:f></x:c>': NOT_COMPUTED,
    '<c r="C2"><v>NaN</v></c>': "NaN",
    '<c r="C2"><v>-INF</v></c>': "-INF",
}


def workbook(cells: str, *, part: str = "xl/worksheets/sheet1.xml", head: str = "", encoding: str = "utf-8"):
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.writestr("xl/workbook.xml", WORKBOOK)
    archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
    sheet = f'{head}<worksheet><sheetData><row r="2"><c r="A2"><v>1</v></c>{cells}</row></sheetData></worksheet>'
    archive.writestr(part, sheet.encode(encoding))
    return archive


@pytest.mark.parametrize("piece", [1, 7, 64, 1_048_576])
@pytest.mark.parametrize(("cell", "found"), CELLS.items(), ids=list(CELLS.values()))
def test_is_found_wherever_the_file_is_cut_into_pieces(monkeypatch, piece, cell, found):
    monkeypatch.setattr(unread_cells, "_PIECE", piece)

    assert unread_of(workbook(cell), "A & B") == {1: {2: found}}


def test_is_found_in_another_encoding():
    head = '<?xml version="1.0" encoding="UTF-16"?>'

    assert unread_of(workbook('<c r="C2"><f>1</f></c>', head=head, encoding="utf-16"), "A & B") == {
        1: {2: NOT_COMPUTED}
    }


def test_a_sheet_of_plain_values_is_not_gone_through(monkeypatch):
    monkeypatch.setattr(unread_cells, "_Sheet", None)

    assert unread_of(workbook('<c r="C2" t="s"><v>7</v></c>'), "A & B") == {}


def test_parts_are_found_in_any_case_of_letters():
    assert unread_of(workbook('<c r="C2"><f>1</f></c>', part="XL/Worksheets/Sheet1.XML"), "A & B")


@pytest.mark.parametrize(
    ("sheet", "part", "cells"),
    [
        ("another", "xl/worksheets/sheet1.xml", ""),
        ("A & B", "xl/elsewhere.xml", ""),
        ("A & B", "xl/worksheets/sheet1.xml", "<f></c>"),
        ("A & B", "xl/worksheets/sheet1.xml", '</row><row r="x"><c><f>1</f></c>'),
    ],
)
def test_a_workbook_that_is_not_as_it_says_is_called_damaged(sheet, part, cells):
    with pytest.raises(SheetIsUnreadable):
        unread_of(workbook(cells, part=part), sheet)
