"""XLSX: texts stay texts, numbers and days are Excel's own, and memory does not grow."""

from __future__ import annotations

import io
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from qhse.exporting import xlsx_out
from qhse.exporting.cells import Column, Kind
from qhse.exporting.tests.sheets import Cell, cells_of, values_of
from qhse.exporting.tests.test_cells import RUN
from qhse.exporting.xlsx_out import MOST_CHARACTERS, write_xlsx

ONE = (Column("value"),)


def written(rows, columns=ONE, name="List") -> bytes:
    file = io.BytesIO()
    assert write_xlsx(file, columns, [rows], name=name) == len(rows)
    return file.getvalue()


@pytest.mark.parametrize("text", RUN)
def test_what_would_be_run_is_a_text_that_stays_one_when_it_is_edited(text):
    ((cell,),) = cells_of(written([[text]]))[1:]

    assert (cell.kind, cell.is_quoted) == ("inlineStr", True)
    assert cell.value.replace("_x000D_", "\r").strip() == text.strip()


@pytest.mark.parametrize("text", ["00123", "1234567890123456789", "http://evil.example/", "TRUE", "a=b", "2026-11-03"])
def test_a_text_is_no_number_no_link_and_no_day(text):
    assert cells_of(written([[text]]))[1] == [Cell(text, "inlineStr", False)]


def test_numbers_and_days_are_excels_own():
    columns = [
        Column("n"),
        Column("day", Kind.DAY),
        Column("at", Kind.MOMENT),
        Column("cost", Kind.NUMBER),
        Column("d"),
    ]
    moment = datetime(2026, 11, 3, 12, tzinfo=UTC)
    rows = [
        [-5, "2026-11-03", "2026-11-03T12:00:00Z", "12.50", Decimal("0.5")],
        [7, date(2026, 11, 3), moment, None, 0.25],
    ]

    first, second = cells_of(written(rows, columns))[1:]

    assert [cell and cell[:2] for cell in first] == [
        ("-5", "n"), ("46329", "n"), ("46329.5", "n"), ("12.50", "n"), ("0.5", "n"),
    ]  # fmt: skip
    assert [cell and cell.value for cell in second] == ["7", "46329", "46329.5", None, "0.25"]


def test_what_excel_has_no_number_for_is_a_text():
    values = [10**17, float("nan"), float("inf"), date(1899, 12, 31), datetime(1, 1, 1, tzinfo=UTC), True, False, ["a"]]

    assert values_of(written([[value] for value in values]))[1:] == [
        [text] for text in (str(10**17), "nan", "inf", "1899-12-31", "0001-01-01T00:00:00+00:00", "yes", "no", '["a"]')
    ]


def test_a_text_that_is_too_long_is_cut_and_says_so():
    ((text,),) = values_of(written([["x" * 40_000]]))[1:]

    assert len(text) == MOST_CHARACTERS
    assert text.endswith("the CSV has all of it]")


def test_control_characters_and_strange_names_make_no_broken_file():
    assert values_of(written([["a\x01b\x0bc"]], name="ncs/12: [all]?*"))[1] == ["a_x0001_b_x000B_c"]


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch):
    monkeypatch.setattr(xlsx_out, "MOST_ROWS", 2)

    with pytest.raises(ValueError, match="2 rows at most"):
        written([[1], [2], [3]])


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(pieces: int) -> int:
        rows = (
            [[number, f"Lot {number}: bore diameter", "2026-11-03"] for number in range(100)] for _ in range(pieces)
        )
        with (tmp_path / "list.xlsx").open("w+b") as file:
            tracemalloc.start()
            write_xlsx(file, [Column("n"), Column("text"), Column("day", Kind.DAY)], rows, name="List")
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    peak(1)  # what is loaded at the first sheet belongs to none
    assert peak(100) < 1.5 * peak(10)
