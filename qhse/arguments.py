"""Argument types of the commands. What is out of range is refused with the reason, exit code 2."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def positive_int(text: str) -> int:
    if not (_is_short_number(text) and 1 <= int(text) <= 100_000):
        raise ArgumentTypeError(f"must be a whole number from 1 to 100000, not {text!r}")
    return int(text)


def days(text: str) -> int:
    if not (_is_short_number(text) and int(text) <= 36_500):
        raise ArgumentTypeError(f"must be a whole number of days from 0 to 36500, not {text!r}")
    return int(text)


def hours(text: str) -> int:
    if not (_is_short_number(text) and 1 <= int(text) <= 876_000):
        raise ArgumentTypeError(f"must be a whole number of hours from 1 to 876000, not {text!r}")
    return int(text)


def positive_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 3600:
        raise ArgumentTypeError(f"must be seconds from 0.01 to 3600, not {text!r}")
    return seconds


def _is_short_number(text: str) -> bool:
    # Short, because Python refuses to read thousands of digits, with an error of its own.
    return text.isascii() and text.isdigit() and len(text) <= 10


def date_or_time(text: str) -> datetime:
    """Read a date (its first date_or_time) or a date with time. In UTC if it names no zone."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a date such as 2026-07-31 or 2026-07-31T12:00:00Z, not {text!r}") from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
