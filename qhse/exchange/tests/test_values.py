"""What a cell means in Germany, Italy and France."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from qhse.exchange import values
from qhse.exchange.values import CellRefused

SILVESTER = date(2026, 12, 31)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1234", 1234), (1234, 1234), ("1.234", 1234), ("1,234", 1234), ("1 234", 1234), ("1\u202f234", 1234),
        ("1\u00a0234", 1234), ("1'234", 1234), ("1.234.567", 1_234_567), ("1234,00", 1234), ("1.234,00", 1234),
        ("1,234.00", 1234), ("0", 0), ("12.000", 12_000),
    ],
)  # fmt: skip
def test_a_whole_number_is_read_with_the_thousands_of_every_country(cell, expected):
    assert values.whole(cell) == expected


@pytest.mark.parametrize("cell", [1200.0000000000002, 1199.9999999999998, 1.2e3])
def test_a_computed_number_is_what_excel_shows(cell):
    try:
        whole = values.whole(cell)
    except CellRefused:
        whole = None
    assert whole == 1200
    assert values.text(cell, most=20) == "1200"
    assert values.decimal(cell) == 1200


def test_a_computed_day_is_the_one_that_excel_shows():
    assert values.day(46386.9999) == date(2026, 12, 30)
    assert values.day(46386.999999999993) == SILVESTER


@pytest.mark.parametrize("read", [values.text, values.prose])
@pytest.mark.parametrize(
    "cell", [4006381333931017.0, 1e15, 10**15, -1e15, 1e22, "4,00638E+15", "4.00638133393102E+15", "1E+15", " 1e+16 "]
)
def test_a_number_whose_digits_are_lost_is_no_text(read, cell):
    with pytest.raises(CellRefused, match=r"Format the column as text.*15 digits only"):
        read(cell, most=40)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [(999_999_999_999_999, "999999999999999"), (0.00001, "0.00001"), (1.5e-9, "0.0000000015"), ("1E10", "1E10"),
     ("E+12", "E+12"), ("12E+10", "12E+10"), ("4006381333931017", "4006381333931017")],
)  # fmt: skip
def test_a_number_that_is_kept_is_a_text_without_an_exponent(cell, kept):
    assert values.text(cell, most=40) == kept


@pytest.mark.parametrize(
    "cell", [1200.00000000001, -1200.0000000000002, 1e15, 4006381333931017.0,
             "12,5", "12.5", "-1", -1, 12.345, "1.23", "1,2,3", "1.234,567.8", "x", "", "٣", "1e3",
             "0.500", "0,125", "00.125", "12'3", "1 23", "1 2345"]
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(cell):
    with pytest.raises(CellRefused):
        values.whole(cell)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("12,5", "12.5"), ("12.5", "12.5"), ("1.234,5", "1234.5"), ("1,234.5", "1234.5"), ("1 234,5", "1234.5"),
        ("1.234.567", "1234567"), (12.5, "12.5"), (3, "3"), ("0,125", "0.125"),
    ],
)  # fmt: skip
def test_a_decimal_sign_is_what_parts_the_last_digits(cell, expected):
    assert values.decimal(cell) == Decimal(expected)


@pytest.mark.parametrize("cell", ["1.234", "1,234", "-1,5", "1,2,3", "x"])
def test_a_number_that_could_be_two_is_refused(cell):
    with pytest.raises(CellRefused):
        values.decimal(cell)


@pytest.mark.parametrize(
    "cell",
    ["2026-12-31", "31.12.2026", "31/12/2026", "31-12-2026", "31.12.26", "31/12/26", 46387, "46387",
     "2026-12-31 00:00:00",
     "2026/12/31", "31.12.2026 00:00"],
)  # fmt: skip
def test_a_day_is_read_as_each_country_writes_it(cell):
    assert values.day(cell) == SILVESTER


@pytest.mark.parametrize(
    "cell", ["12/31/2026", "31.13.2026", "30.02.2026", "2026", 12, 999_999, "next year", "31 December"]
)
def test_what_is_no_day_is_refused(cell):
    with pytest.raises(CellRefused):
        values.day(cell)


def test_a_day_with_its_month_first_is_known_and_makes_others_doubtful():
    assert values.is_month_first("12/31/2026")
    assert not values.is_month_first("31/12/2026")
    assert values.is_doubtful("07/10/2026")
    assert not values.is_doubtful("10/10/2026")
    assert not values.is_doubtful("2026-07-10")


@pytest.mark.parametrize("cell", ["2026-10", "10/2026", "10.2026", "2026-10-17", "17.10.2026", 46312])
def test_a_month_is_its_first_day(cell):
    assert values.month(cell) == date(2026, 10, 1)


def test_a_choice_has_names_in_any_language_case_and_accent():
    read = values.one_of({"high": ("hoch", "élevée")})

    assert {read(each) for each in ("high", "HOCH", "elevee", " Élevée ")} == {"high"}
    with pytest.raises(CellRefused, match="one of high"):
        read("low")


def test_several_choices_are_sorted_and_each_once():
    read = values.some_of({"iso_9001": ("ISO 9001", "DIN EN ISO 9001"), "iso_14001": ("ISO 14001",)})

    assert read("ISO 9001; iso14001 | DIN EN ISO 9001") == ["iso_14001", "iso_9001"]


def test_headers_are_compared_without_case_accents_and_signs_and_with_ue_for_u():
    assert values.spelt(["Gültig bis (Datum)"]) == {"gultigbisdatum", "gueltigbisdatum"}
