"""The formulas, by tables of examples. docs/domain.md has the same ones."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kpi import formulas
from kpi.formulas import AGE_BANDS

DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 0, None), (0, 4, 0.0), (1, 4, 0.25), (1, 3, 0.3333), (2, 3, 0.6667), (4, 4, 1.0)],
)
def test_a_rate_of_nothing_is_unknown_and_neither_nought_nor_all(part, whole, expected):
    assert formulas.rate(part, whole) == expected


@pytest.mark.parametrize(
    ("values", "mean", "median", "p90"),
    [
        ({}, None, None, None),
        ({5: 1}, 5.0, 5.0, 5),
        ({1: 1, 2: 1}, 1.5, 1.5, 2),
        ({1: 1, 2: 1, 30: 1}, 11.0, 2.0, 30),
        ({3: 9, 100: 1}, 12.7, 3.0, 3),
        ({3: 8, 100: 2}, 22.4, 3.0, 100),
        ({0: 0, 7: 2}, 7.0, 7.0, 7),
    ],
)
def test_the_middle_is_told_by_mean_median_and_the_value_that_nine_of_ten_do_not_exceed(values, mean, median, p90):
    assert (formulas.mean(values), formulas.median(values), formulas.percentile(values, 90)) == (mean, median, p90)


@pytest.mark.parametrize(
    ("days", "band"),
    [(0, "0-7"), (7, "0-7"), (8, "8-30"), (30, "8-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"),
     (91, ">90"), (4000, ">90"), (-1, "0-7")],
)  # fmt: skip
def test_each_age_has_one_band(days, band):
    assert formulas.age_band(days) == band


def test_the_bands_touch_each_other():
    assert [first for _, first, _ in AGE_BANDS[1:]] == [most + 1 for _, _, most in AGE_BANDS[:-1]]


@pytest.mark.parametrize(
    ("defective", "received", "expected"),
    [
        (0, 0, None),
        (3, 499, None),
        (0, 500, 0.0),
        (1, 500, 2000.0),
        (3, 12_000, 250.0),
        (7, 9_000, 777.8),
        (1, 800_000, 1.3),
        (3, 800_000, 3.8),
    ],
)
def test_ppm_says_nothing_below_five_hundred_pieces(defective, received, expected):
    assert formulas.ppm(defective, received) == expected


@pytest.mark.parametrize(("number", "lots", "expected"), [(3, 0, None), (0, 50, 0.0), (3, 40, 7.5)])
def test_cases_are_told_by_a_hundred_lots_where_pieces_are_not_counted(number, lots, expected):
    assert formulas.per_hundred(number, lots) == expected


def test_what_is_due_is_late_from_the_day_after():
    due = {DAY - timedelta(days=1): 2, DAY: 3, DAY + timedelta(days=1): 4}

    assert formulas.before(due, DAY) == 2


def test_what_ends_today_is_ending_and_what_ended_yesterday_is_not():
    ends = {DAY + timedelta(days=days): 1 for days in (-1, 0, 30, 31, 90, 91)}

    assert [formulas.ending_within(ends, DAY, days) for days in formulas.EXPIRING_DAYS] == [2, 3, 4]


def test_shares_add_up_from_the_most_frequent_on():
    rows = formulas.pareto([("a", 1), ("b", 5), ("c", 2)], 10)

    assert rows == [("b", 5, 0.5, 0.5), ("c", 2, 0.2, 0.7), ("a", 1, 0.1, 0.8)]  # two are of none of these
    assert formulas.pareto([], 0) == []


@pytest.mark.parametrize(
    ("day", "number", "expected"),
    [(DAY, 0, date(2026, 11, 1)), (DAY, 12, date(2025, 11, 1)), (date(2026, 1, 31), 1, date(2025, 12, 1)),
     (date(2026, 12, 5), -1, date(2027, 1, 1))],
)  # fmt: skip
def test_months_are_counted_over_the_turn_of_years(day, number, expected):
    assert formulas.months_back(day, number) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2026, 1, 1), date(2026, 3, 31), (date(2026, 1, 1), date(2026, 3, 1))),
        (date(2026, 1, 2), date(2026, 3, 30), (date(2026, 2, 1), date(2026, 2, 1))),
        (date(2026, 12, 1), date(2026, 12, 31), (date(2026, 12, 1), date(2026, 12, 1))),
    ],
)
def test_a_period_has_the_months_that_lie_in_it_as_a_whole(first, last, expected):
    assert formulas.months_within(first, last) == expected


def test_a_period_without_a_whole_month_has_none():
    first, last = formulas.months_within(date(2026, 1, 5), date(2026, 1, 28))

    assert first > last


def test_full_months_are_over_before_the_day():
    assert formulas.full_months(DAY, 3) == (date(2026, 8, 1), date(2026, 10, 1))
