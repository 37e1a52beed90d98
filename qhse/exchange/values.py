"""
What a cell means: pure rules for what people and their programs write in English, German, Italian and French.

A cell is a text, or a number where the file has one. Each reader raises CellRefused, in words that say what is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qhse.exchange.unread_cells import NOT_COMPUTED, UNREAD
from qhse.text import LineRefused, base_letters, one_line, plain

Reader = Callable[[Any], Any]

_SPACE = "[\\s\\u00a0\\u2007\\u2009\\u202f'’]"
_SPACES = re.compile(_SPACE)
_SPACED = re.compile(rf"[1-9][0-9]{{0,2}}(?:{_SPACE}[0-9]{{3}})+(?:[.,][0-9]*)?")
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*", re.ASCII)
_ZERO_PART = re.compile(r"(.*?)[.,]0{1,6}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_ISO = re.compile(r"([0-9]{4})[-./]([0-9]{1,2})[-./]([0-9]{1,2})(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?", re.ASCII)
_DAY_FIRST = re.compile(
    r"([0-9]{1,2})[-./]([0-9]{1,2})[-./]([0-9]{4}|[0-9]{2})(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?", re.ASCII
)
_SERIAL = re.compile(r"[1-9][0-9]{4}", re.ASCII)
_MONTH = re.compile(r"([0-9]{4})[-./]([0-9]{1,2})|([0-9]{1,2})[-./]([0-9]{4})", re.ASCII)
# What Excel writes to a CSV instead of a long number. No lot is called so: the sign belongs to it.
_SHORTENED = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{2,3}", re.ASCII)
_INEXACT = 10**15
_DIGITS_ARE_LOST = "Format the column as text, and write it anew: of a number Excel keeps 15 digits only."
_EXCEL_ZERO = date(1899, 12, 30)
_FIRST_SERIAL, _LAST_SERIAL = 29_221, 109_574  # 1980-01-01 and 2199-12-31
_CENTURY_TURNS_AT = 80  # 79 is 2079, 80 is 1980


class CellRefused(ValueError):
    """The cell cannot be read. The message says what is wanted."""


def demand_value(cell: Any) -> None:
    """
    Raise CellRefused for a cell that has content and no value: an error, or what nobody has computed.

    In a CSV an error is a text like any other. No number and no day is read from it, and a text may say #N/A.
    """
    if not isinstance(cell, dict):
        return
    what = cell[UNREAD]
    if what == NOT_COMPUTED:
        raise CellRefused("Was never computed. Open the file in Excel, and save it.")
    raise CellRefused(f"Excel shows {what} here. Correct the cell, or empty it.")


def text(cell: Any, *, most: int) -> str:
    """Return a single line, as it is stored."""
    try:
        line = one_line(_kept(cell))
    except LineRefused as refusal:
        raise CellRefused(str(refusal)) from None
    if len(line) > most:
        raise CellRefused(f"Has {len(line):,} characters; at most {most:,} are taken.")
    return line


def prose(cell: Any, *, most: int) -> str:
    """Return a text of several lines, as it is stored."""
    read = plain(_kept(cell))
    if len(read) > most:
        raise CellRefused(f"Has {len(read):,} characters; at most {most:,} are taken.")
    return read


def one_spaced(cell: Any) -> Any:
    """Return a cell with single spaces in it. The lines of one with several stay, so that who wants one refuses it."""
    return " ".join(cell.split()) if isinstance(cell, str) and "\n" not in cell else cell


def as_text(cell: Any) -> str:
    """
    Return what a cell says. A number in a column of texts, such as 4711 as a lot, is what it looks like.

    It has no exponent: nobody knows 0.00001 as 1e-05.
    """
    if isinstance(cell, str | int):
        return str(cell)
    if isinstance(cell, dict):
        return str(cell[UNREAD])
    written = f"{cell:.15g}"
    return f"{Decimal(written):f}" if "e" in written else written


def _kept(cell: Any) -> str:
    """Return what a cell of texts says. Raises CellRefused where the program that wrote it has not kept all of it."""
    if isinstance(cell, int | float) and abs(cell) >= _INEXACT:
        raise CellRefused(f"{_DIGITS_ARE_LOST} This one has {len(as_text(abs(int(cell))))}.")
    if isinstance(cell, str) and _SHORTENED.fullmatch(cell.strip()):
        raise CellRefused(f"{cell.strip()[:40]!r} is a number that was shortened. {_DIGITS_ARE_LOST}")
    return as_text(cell)


def _as_shown(cell: float) -> float:
    """Return a number within 15 digits, as Excel shows it: a computed 1200.0000000000002 is 1200."""
    return float(f"{cell:.15g}")


def _joined(cell: str) -> str:
    """Return a number without the spaces between its thousands. Where spaces part anything else, they stay."""
    trimmed = cell.strip()
    return _SPACES.sub("", trimmed) if _SPACED.fullmatch(trimmed) else trimmed


def whole(cell: Any) -> int:
    """
    Return a whole number from 0 on: 1234, 1.234, 1,234, 1 234, 1'234, 1234,00.

    A number of the file is taken as Excel shows it. In a text, three digits behind a point or a comma are thousands,
    unless it begins with 0.
    """
    if isinstance(cell, float) and (shown := _as_shown(cell)).is_integer() and abs(shown) < _INEXACT:
        cell = int(shown)
    if isinstance(cell, float) or (isinstance(cell, int) and cell < 0):
        raise CellRefused(f"Must be a whole number from 0 on, not {as_text(cell)}.")
    if isinstance(cell, int):
        return cell
    digits = _joined(cell)
    if part := _ZERO_PART.fullmatch(digits):
        digits = digits if _GROUPED.fullmatch(digits) else part[1]
    if _GROUPED.fullmatch(digits):
        digits = digits.replace(".", "").replace(",", "")
    if not _WHOLE.fullmatch(digits):
        raise CellRefused(f"Must be a whole number from 0 on, not {cell[:40]!r}.")
    return int(digits)


def decimal(cell: Any) -> Decimal:
    """
    Return a number from 0 on: 12.5, 12,5, 1.234,5, 1,234.5, 1 234,5.

    What parts the last digits is the decimal sign. One sign alone with three digits behind it could be either, and is
    refused.
    """
    if isinstance(cell, int | float):
        if cell < 0:
            raise CellRefused(f"Must be a number from 0 on, not {cell}.")
        return Decimal(as_text(cell))
    digits = _joined(cell)
    if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", digits, re.ASCII) and not digits.startswith("0"):
        raise CellRefused(f"{cell!r} can mean thousands or thousandths. Write it without a sign for thousands.")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        sign, other = digits[last], "," if digits[last] == "." else "."
        if digits.count(sign) == 1:
            digits = digits.replace(other, "").replace(sign, ".")
        elif _GROUPED.fullmatch(digits):
            digits = digits.replace(sign, "")
    if not _DECIMAL.fullmatch(digits):
        raise CellRefused(f"Must be a number from 0 on, such as 12,5 or 12.5, not {cell[:40]!r}.")
    return Decimal(digits)


def day(cell: Any) -> date:
    """
    Return a day: 2026-12-31, 31.12.2026, 31/12/2026, 31-12-26, or the number by which Excel counts days.

    If its year is last, its day is first, as in Germany, Italy and France. `is_month_first` finds the others.
    """
    if isinstance(cell, int) or (isinstance(cell, str) and _SERIAL.fullmatch(cell)):
        return _of_serial(int(cell))
    if isinstance(cell, float):
        return _of_serial(int(_as_shown(cell)))
    if found := _ISO.fullmatch(cell):
        return _date(found[1], found[2], found[3], cell)
    if found := _DAY_FIRST.fullmatch(cell):
        if int(found[1]) <= 12 < int(found[2]):
            raise CellRefused(f"{cell!r} has the month first. Write 2026-12-31, 31.12.2026 or 31/12/2026.")
        return _date(_year(found[3]), found[2], found[1], cell)
    raise CellRefused(f"Must be a day such as 2026-12-31, 31.12.2026 or 31/12/2026, not {str(cell)[:40]!r}.")


def is_month_first(cell: Any) -> bool:
    """Answer whether this is a day whose month comes first, and cannot be another one: 12/31/2026."""
    found = _DAY_FIRST.fullmatch(cell) if isinstance(cell, str) else None
    return found is not None and int(found[1]) <= 12 < int(found[2])


def is_doubtful(cell: Any) -> bool:
    """Answer whether this is another day if its month comes first: 07/10/2026."""
    found = _DAY_FIRST.fullmatch(cell) if isinstance(cell, str) else None
    return found is not None and int(found[1]) <= 12 and int(found[2]) <= 12 and found[1] != found[2]


def month(cell: Any) -> date:
    """Return the first day of a month: 2026-05, 05/2026, 5.2026, or any of its days."""
    found = _MONTH.fullmatch(cell) if isinstance(cell, str) else None
    if found:
        return _date(found[1] or found[4], found[2] or found[3], 1, cell)
    try:
        return day(cell).replace(day=1)
    except CellRefused:
        raise CellRefused(f"Must be a month such as 2026-05 or 05/2026, not {str(cell)[:40]!r}.") from None


def one_of(choices: Mapping[str, Iterable[str]], *, called: str = "") -> Reader:
    """Return a reader of one of these values, by any of their names, whatever the case and accents."""
    wanted = called or f"one of {', '.join(choices)}"
    by_name = {folded(name): value for value, names in choices.items() for name in (value, *names)}

    def read(cell: Any) -> str:
        found = by_name.get(folded(as_text(cell)))
        if found is None:
            raise CellRefused(f"Must be {wanted}, not {as_text(cell)[:40]!r}.")
        return found

    return read


def some_of(choices: Mapping[str, Iterable[str]]) -> Reader:
    """Return a reader of several of these values, with commas, semicolons, bars or lines between them."""
    read_one = one_of(choices)

    def read(cell: Any) -> list[str]:
        parts = [part.strip() for part in re.split(r"[,;|\n]", as_text(cell))]
        return sorted({read_one(part) for part in parts if part})

    return read


def folded(name: str) -> str:
    """Return letters and digits alone, small and without accents: `Gültig bis (Datum)` is `gultigbisdatum`."""
    return re.sub(r"[^0-9a-z]", "", base_letters(name))


def spelt(names: Iterable[str]) -> set[str]:
    """Return these names as `folded`, also as they are typed without umlauts: Gueltig for Gültig."""
    written_out = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
    return {folded(each) for name in names for each in (name, name.lower().translate(written_out))}


def _of_serial(number: int) -> date:
    if not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        raise CellRefused(f"Must be a day such as 2026-12-31, not the number {number}.")
    return _EXCEL_ZERO + timedelta(days=number)


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < _CENTURY_TURNS_AT else 1900)


def _date(year: Any, month_: Any, day_: Any, cell: Any) -> date:
    try:
        return date(int(year), int(month_), int(day_))
    except ValueError:
        raise CellRefused(f"There is no such day as {str(cell)[:40]!r}.") from None
