"""Reading a day as people write it. One that can mean two days is refused, and never guessed."""

from __future__ import annotations

import re
from datetime import date

from qhse.searching import as_typed

FORM = "YYYY-MM-DD"
EARLIEST, LATEST = date(1980, 1, 1), date(2199, 12, 31)
"""Days of the business lie between these. Others are mistyped, or somebody tries what happens."""

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_YEAR_FIRST = re.compile(r"([0-9]{4})[-./ ]([0-9]{1,2})[-./ ]([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2}) ?[-./ ] ?([0-9]{1,2}) ?[-./ ] ?([0-9]{4})")
_DAY_OF_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.)?[- ]?(?:of )?([a-z]{3,9})\.?,?[- ]?([0-9]{4})")
_MONTH_AND_DAY = re.compile(r"([a-z]{3,9})\.?[- ]?([0-9]{1,2})(?:st|nd|rd|th)?,?[- ]([0-9]{4})")


# Marks that write from right to left, so that a reader sees the numbers in another order; one of them turns the digits.
_OVERRIDE = "\u202e"
_TURNS = re.compile("[\u061c\u200f\u202b\u2067]")


class DayRefused(ValueError):
    """The text is no day, or may be two. The message says which form is wanted."""


def doubt(day: date) -> str:
    """Return why a day is refused that no record can have, or nothing."""
    return "" if EARLIEST <= day <= LATEST else f"{day} is not plausible; it must be from {EARLIEST} to {LATEST}."


def read_day(text: str) -> date:
    """
    Return the day that a text means: 2029-06-30, 30.06.2029, 06/30/2029, 30 June 2029, June 30, 2029.

    It may be pasted, with the dashes, spaces and unseen marks of mails and office programs. Raises DayRefused for
    07/10/2029, which is another day in Dublin than in Dallas, and for everything else.
    """
    is_turned = _TURNS.search(text) is not None
    text = text if _OVERRIDE in text else as_typed(text).lower()
    if found := _YEAR_FIRST.fullmatch(text):
        if is_turned:  # a reader may see the year last
            return _without_names(int(found[3]), int(found[2]), found[1])
        return _day(found[1], found[2], found[3])
    if found := _DAY_OF_MONTH.fullmatch(text):
        return _day(found[3], _month(found[2]), found[1])
    if found := _MONTH_AND_DAY.fullmatch(text):
        return _day(found[3], _month(found[1]), found[2])
    if found := _YEAR_LAST.fullmatch(text):
        return _without_names(int(found[1]), int(found[2]), found[3])
    raise DayRefused(f"This is not a day. Write it as {FORM}, for example 2029-06-30.")


def _without_names(first: int, second: int, year: str) -> date:
    """Return the day if only one of the two numbers can be a month."""
    if first <= 12 and second <= 12 and first != second:
        day_first, month_first = _day(year, second, first), _day(year, first, second)
        raise DayRefused(
            f"This can mean {_said(day_first)} or {_said(month_first)}. Write {day_first} or {month_first}."
        )
    day, month = (first, second) if second <= 12 else (second, first)
    return _day(year, month, day)


def _month(name: str) -> int:
    for number, month in enumerate(_MONTHS, start=1):
        if name in (month, month[:3]) or (name, month) == ("sept", "september"):
            return number
    raise DayRefused(
        f"{name.capitalize()} is not the name of a month. Write the day as {FORM}, for example 2029-06-30."
    )


def _day(year: str | int, month: str | int, day: str | int) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise DayRefused(f"There is no such day in the calendar. Write it as {FORM}, for example 2029-06-30.") from None


def _said(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].capitalize()} {day.year}"
