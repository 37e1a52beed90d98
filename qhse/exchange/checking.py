"""What a table says: which columns are meant, what each row has, and what it would do. It writes nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qhse.errors import DomainError
from qhse.exchange.errors import ColumnsDoNotFit
from qhse.exchange.registry import ImportKind, Outcome, Values
from qhse.exchange.tables import Row
from qhse.exchange.values import CellRefused, as_text, demand_value, folded, is_doubtful, is_month_first, one_spaced
from qhse.exporting.cells import STORED

HEADS = 10  # rows among which the one with the names of the columns is sought
FORESEEN_AT_ONCE = 500
MOST_PROBLEMS = 1_000  # that are kept; the others are counted
_PROBLEMS_OF_A_ROW = 3
_LONGEST_HEADER = 100
_DAYS_TO_1904 = 1_462  # from the day nought of other workbooks

Problem = dict[str, Any]
"""`row` is the number that the program shows, `column` its header, `field` ours, `code` and `detail` what is wrong."""


@dataclass(slots=True)
class Check:
    """What was found in all rows. `repeated` has the row that repeats another one, and that one."""

    new: int = 0
    known: int = 0
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    problems_in_all: int = 0
    repeated: dict[int, int] = field(default_factory=dict)

    def refuse(self, found: Iterable[Problem]) -> None:
        self.bad += 1
        for problem in found:
            self.problems_in_all += 1
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append(problem)


def head_of(kind: ImportKind, rows: Sequence[Row]) -> int:
    """Return the place of the row with the names of the columns: of the first ones that with the most known names."""

    def known(row: Row) -> int:
        return sum(1 for each in matched(kind, row.cells) if each["field"] or "doubled" in each)

    return max(range(min(len(rows), HEADS)), key=lambda place: (known(rows[place]), -place))


def matched(kind: ImportKind, cells: Sequence[Any]) -> list[dict[str, Any]]:
    """
    Return for each column of the file its header and the field that it means.

    Of two that mean one, neither does: `doubled` is that field. Which of them is meant nobody guesses. But our own
    lists say it: beside what is stored stands what a list shows, perhaps shortened.
    """
    headers = [as_text(one_spaced(cell))[:_LONGEST_HEADER] for cell in cells]
    meant = [_meant(kind, header.removesuffix(STORED)) for header in headers]
    stored = {name for name, header in zip(meant, headers, strict=True) if header.endswith(STORED)}
    meant = [
        None if name in stored and not header.endswith(STORED) else name
        for name, header in zip(meant, headers, strict=True)
    ]
    return [
        {"header": header, "field": None, "doubled": name}
        if name is not None and meant.count(name) > 1
        else {"header": header, "field": name}
        for header, name in zip(headers, meant, strict=True)
    ]


def _meant(kind: ImportKind, header: str) -> str | None:
    known = folded(header)
    return next((column.name for column in kind.columns if known and known in column.names), None)


def doubled_columns(columns: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the fields that several columns mean, with the headers of these."""
    found: dict[str, list[str]] = {}
    for each in columns:
        if "doubled" in each:
            found.setdefault(each["doubled"], []).append(each["header"])
    return found


def assigned(kind: ImportKind, columns: Sequence[Mapping[str, Any]], fields: Sequence[str | None]) -> list[Any]:
    """Return the columns with these fields. Raises ColumnsDoNotFit."""
    if len(fields) != len(columns):
        raise ColumnsDoNotFit(f"The file has {len(columns)} columns, and {len(fields)} are assigned.", field="columns")
    named = [name for name in fields if name is not None]
    known = ", ".join(kind.by_name)
    for name in named:
        if name not in kind.by_name:
            raise ColumnsDoNotFit(f"There is no field {name[:40]!r}; known are {known}.", field="columns")
        if named.count(name) > 1:
            raise ColumnsDoNotFit(f"{name} is assigned to more than one column.", field="columns")
    return [{"header": each["header"], "field": name} for each, name in zip(columns, fields, strict=True)]


def missing_columns(kind: ImportKind, columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fields without which nothing can be imported, and that no column has."""
    given = {each["field"] for each in columns}
    missing = [column.name for column in kind.columns if column.is_needed and column.name not in given]
    if kind.needs_one_of and not given & set(kind.needs_one_of):
        missing.append(" or ".join(kind.needs_one_of))
    return missing


def with_doubts(
    kind: ImportKind, columns: Sequence[Mapping[str, Any]], rows: Iterable[Row], *, from_1904: bool = False
) -> list[dict[str, Any]]:
    """
    Return the columns, and mark those of days in which some day has its month first.

    Such a column was written in another country's order. A day in it that could be two is then refused, and not guessed
    by the order of Germany, Italy and France. Marked as well are the columns of days whose numbers count from 1904.
    """
    days = [place for place, each in enumerate(columns) if each["field"] and kind.by_name[each["field"]].is_day]
    doubtful: set[int] = set()
    for row in rows if days else ():
        doubtful.update(
            place for place in days if place < len(row.cells) and is_month_first(one_spaced(row.cells[place]))
        )
    plain = [{name: each[name] for name in ("header", "field", "doubled") if name in each} for each in columns]
    return [
        each
        | ({"month_first": True} if place in doubtful else {})
        | ({"from_1904": True} if from_1904 and place in days else {})
        for place, each in enumerate(plain)
    ]


def read_row(kind: ImportKind, columns: Sequence[Mapping[str, Any]], row: Row) -> tuple[Values, list[Problem]]:
    """Return what a row says, and what is wrong with it."""
    values: Values = {}
    problems: list[Problem] = []
    for column, cell in zip(columns, row.cells, strict=False):
        name = column["field"]
        if name is None or cell == "":
            continue
        if not kind.by_name[name].is_prose:
            cell = one_spaced(cell)
        try:
            demand_value(cell)
            if column.get("month_first") and is_doubtful(cell):
                raise CellRefused(f"{cell!r} can mean two days, because others here have their month first.")
            if column.get("from_1904") and isinstance(cell, int | float):
                cell += _DAYS_TO_1904
            value = kind.by_name[name].read(cell)
            if value != "":
                values[name] = value
        except CellRefused as refusal:
            problems.append(problem(row.number, column["header"], name, "unreadable", str(refusal)))
    broken = {each["field"] for each in problems}
    headers = {each["field"]: each["header"] for each in columns}
    for needed in kind.columns:
        if needed.is_needed and needed.name not in values and needed.name not in broken:
            found = problem(
                row.number, headers.get(needed.name, ""), needed.name, "required", "Is needed and is empty."
            )
            problems.append(found)
    if kind.needs_one_of and not set(kind.needs_one_of) & (set(values) | broken):
        text = f"One of {', '.join(kind.needs_one_of)} is needed."
        problems.append(problem(row.number, "", kind.needs_one_of[0], "required", text))
    places = {each["field"]: place for place, each in enumerate(columns)}
    problems.sort(key=lambda each: places.get(each["field"], len(columns)))
    return values, problems[:_PROBLEMS_OF_A_ROW]


def check_rows(kind: ImportKind, columns: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> Check:
    """
    Return what the rows would do. Records that are there already are looked up many at once.

    The problems are in the order of the rows, and of a row in that of its columns.
    """
    found = Check()
    seen: dict[Hashable, int] = {}
    for start in range(0, len(rows), FORESEEN_AT_ONCE):
        wrong: dict[int, list[Problem]] = {}  # by the row's number
        readable: list[tuple[Row, Values]] = []
        for row in rows[start : start + FORESEEN_AT_ONCE]:
            values, problems = read_row(kind, columns, row)
            if problems:
                wrong[row.number] = problems
            else:
                readable.append((row, values))
        good = _first_ones(kind, readable, seen, found.repeated)
        wrong |= {row.number: [repeated(row.number, found.repeated[row.number])]
                  for row, _ in readable if row.number in found.repeated}  # fmt: skip
        forecasts = kind.foresee([values for _, values in good]) if good else []
        for (row, _), forecast in zip(good, forecasts, strict=True):
            if isinstance(forecast, DomainError):
                wrong[row.number] = [refused(columns, row.number, forecast)]
            elif forecast == Outcome.NEW:
                found.new += 1
            else:
                found.known += 1
        for number in sorted(wrong):
            found.refuse(wrong[number])
    return found


def _first_ones(
    kind: ImportKind, rows: list[tuple[Row, Values]], seen: dict[Hashable, int], repeats: dict[int, int]
) -> list[tuple[Row, Values]]:
    """Return the rows that are about something else than earlier ones, whose keys `seen` has. Note the others."""
    good = []
    for (row, values), keys in zip(rows, kind.keys([values for _, values in rows]) if rows else [], strict=True):
        first = min((seen[key] for key in keys if key in seen), default=row.number)
        for key in keys:
            seen.setdefault(key, first)
        if first == row.number:
            good.append((row, values))
        else:
            repeats[row.number] = first
    return good


def problem(row: int, column: str, name: str, code: str, detail: str) -> Problem:
    return {"row": row, "column": column, "field": name, "code": code, "detail": detail}


def repeated(row: int, first: int) -> Problem:
    return problem(row, "", "", "repeated_row", f"Is about the same as row {first}. Leave one of them.")


def refused(columns: Sequence[Mapping[str, Any]], row: int, refusal: DomainError) -> Problem:
    """Return a refusal of the row's service, beside the column that it is about."""
    names = (refusal.field or "", (refusal.field or "").removesuffix("_id"))
    headers = {each["field"]: each["header"] for each in columns}
    name = next((name for name in names if name in headers), names[0])
    return problem(row, headers.get(name, ""), name, refusal.code, refusal.detail)
