"""Arguments of commands: what is out of range is refused with the reason."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta, timezone

import pytest

from qhse.arguments import date_or_time, days, hours, positive_int, positive_seconds


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (positive_int, "1", 1),
        (positive_int, "100000", 100_000),
        (hours, "1", 1),
        (hours, "876000", 876_000),
        (days, "0", 0),
        (days, "36500", 36_500),
        (positive_seconds, "0.01", 0.01),
        (positive_seconds, "3600", 3600.0),
        (date_or_time, "2026-07-31", datetime(2026, 7, 31, tzinfo=UTC)),
        (date_or_time, "2026-07-31T12:00:00Z", datetime(2026, 7, 31, 12, tzinfo=UTC)),
        (date_or_time, "2026-07-31T12:00+02:00", datetime(2026, 7, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_the_bounds_themselves_are_taken(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((positive_int, text) for text in ("0", "-1", "100001", "1.0", "", "١", "9" * 5_000)),
        *((hours, text) for text in ("0", "-1", "876001", "1.5", "", "a day")),
        *((days, text) for text in ("-1", "36501", "one", "1_000")),
        *((positive_seconds, text) for text in ("0", "3601", "nan", "inf", "soon")),
        *((date_or_time, text) for text in ("yesterday", "2026-13-01", "31.07.2026")),
    ],
)
def test_everything_else_is_refused_with_the_reason(read, text):
    with pytest.raises(ArgumentTypeError, match="must be"):
        read(text)
