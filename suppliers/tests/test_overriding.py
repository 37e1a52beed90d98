"""How long one person may override a risk level. Pure."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from suppliers.overriding import OVERRIDE_DAYS, Set, last_day

TODAY = date(2026, 11, 27)
ME, OTHER = 1, 2


def of(began, ended, by_id=ME):
    """Return an override from so many days before today until so many."""
    return Set(TODAY - timedelta(began), TODAY - timedelta(ended), by_id)


@pytest.mark.parametrize(
    ("earlier", "days_left"),
    [
        ([], 90),
        ([of(0, -30)], 90),
        ([of(80, -10)], 10),
        ([of(90, 0)], 0),
        ([of(91, 1)], -1),
        ([of(120, 30)], -30),
        ([of(10, -10), of(80, 10)], 10),
        ([of(1, -1), of(100, 91)], -10),
        ([of(180, 90)], -90),
        ([of(181, 91)], 90),
        ([of(20, -10), of(200, 120)], 70),
        ([of(80, -10, OTHER)], 90),
        ([of(5, -10), of(80, 6, OTHER), of(170, 81)], 85),
    ],
)
def test_one_person_has_so_many_days_from_the_first_of_a_row(earlier, days_left):
    assert last_day(earlier, by_id=ME, today=TODAY) == TODAY + timedelta(days_left)


def test_the_bound_is_that_of_one_override():
    assert OVERRIDE_DAYS == 90
