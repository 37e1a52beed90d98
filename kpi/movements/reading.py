"""Reads what the movements until a day add up to: from the sums as far as they reach, and from movements after them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import connections

from kpi.measures import FIRST_FLOW, FLOWS, STOCKS, Measure
from kpi.movements.belated import UNSUMMED, Reach, reach
from kpi.movements.facts import facts_of, times_chosen
from kpi.movements.summing import first_of

_BY_MONTH = (Measure.OPENED, Measure.CLOSED)


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked for: of which day the knowledge is, and from which day to which. None is every supplier."""

    as_of: date
    first: date
    last: date
    supplier_id: int | None = None


@dataclass(slots=True)
class Counted:
    """
    What was counted. `stocks` has what there was on `as_of`, by measure and (day, key, word).

    `flows` has what happened in the period, by measure and (key, word). `months` has cases recorded and closed by
    (measure, first of the month, key), from the first month that was asked for to that of `as_of`.
    """

    stocks: dict[Measure, Counter[tuple[date, int, str]]] = field(default_factory=lambda: defaultdict(Counter))
    flows: dict[Measure, Counter[tuple[int, str]]] = field(default_factory=lambda: defaultdict(Counter))
    months: Counter[tuple[Measure, date, int]] = field(default_factory=Counter)

    def keys_of(self, measure: Measure) -> Counter[int]:
        """Return a flow by its key alone."""
        return _summed((key, n) for (key, _), n in self.flows[measure].items())

    def days_of(self, measure: Measure) -> Counter[date]:
        """Return a stock by its day alone."""
        return _summed((day, n) for (day, _, _), n in self.stocks[measure].items())

    def levels(self, day: date) -> Counter[str]:
        """
        Return suppliers by the level that is shown and criticality, as level:criticality.

        An override is shown through its last day, whenever somebody takes it off. The level of what nobody has assessed
        is empty.
        """
        found = _summed((word, n) for (_, _, word), n in self.stocks[Measure.LEVEL].items())
        for (until, _, word), n in self.stocks[Measure.OVERRIDDEN].items():
            override, computed, criticality = word.split(":")
            found[f"{override if until >= day else computed}:{criticality}"] += n
        return found

    def total(self, measure: Measure) -> int:
        return sum((self.flows if measure >= FIRST_FLOW else self.stocks)[measure].values())


def _summed(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, n in pairs:
        found[key] += n
    return found


def _listed(measures: Iterable[Measure]) -> str:
    return ", ".join(str(int(each)) for each in measures)


def read(period: Period, *, since: date, using: str = "default") -> Counted:
    """
    Return what was known at the end of `as_of`, with the months from `since` on. Of today, what is known now.

    Days that are summed never change, and movements are never removed. So the sums until one day and the movements
    after it agree, whatever workers do between two statements. So do the rounds of belated movements that are summed,
    and the belated movements after them.
    """
    counted = Counted()
    summed = None if period.supplier_id is not None else reach(using=using)
    until = min(summed.day, period.as_of) if summed and summed.day else None
    if summed is not None and until is not None:
        _add_stocks(counted, until, using)
        _add_flows(counted, period, until, using)
        _add_months(counted, since, until, using)
        _add_belated(counted, period, since, summed, until, using)
    _add_movements(counted, period, since, until, using)
    return counted


# --- The movements themselves: all of one supplier, or those of the days that are not summed --------------------------


def _add_movements(counted: Counted, period: Period, since: date, after: date | None, using: str) -> None:
    chosen, parameters = ["m.day <= %s"], [period.as_of.isoformat()]
    if after is not None:
        chosen, parameters = [*chosen, "m.day > %s"], [*parameters, after.isoformat()]
    if period.supplier_id is not None:
        chosen, parameters = [*chosen, "m.supplier_id = %s"], [*parameters, str(period.supplier_id)]
    facts = rows_of(facts_of(" AND ".join(chosen)), times_chosen(parameters), using=using)
    _add_facts(counted, period, since, facts)


def _add_facts(counted: Counted, period: Period, since: date, facts: Iterable[tuple[Any, ...]]) -> None:
    for measure, day, key, word, n in facts:
        if measure < FIRST_FLOW:
            counted.stocks[measure][day, key, word] += n
            continue
        if period.first <= day <= period.last:
            counted.flows[measure][key, word] += n
        if measure in _BY_MONTH and day >= since:
            counted.months[measure, first_of(day), key] += n


# --- Movements whose day was summed already: those of rounds that are summed, and the rest ----------------------------

_BELATED = (
    "SELECT measure, of_day, key, word, CAST(SUM(n) AS bigint) FROM kpi_belatedsum "
    f"WHERE measure IN ({_listed(STOCKS)}) AND day <= %s AND round_no <= %s GROUP BY measure, of_day, key, word "
    "UNION ALL SELECT measure, of_day, key, word, CAST(SUM(n) AS bigint) FROM kpi_belatedsum "
    f"WHERE measure IN ({_listed(set(FLOWS) - {Measure.OPENED_SUPPLIER})}) AND of_day >= %s AND day <= %s "
    "AND round_no <= %s GROUP BY measure, of_day, key, word"  # nosec B608: only texts of ours
)


def _add_belated(counted: Counted, period: Period, since: date, summed: Reach, until: date, using: str) -> None:
    day, round_no = until.isoformat(), str(summed.round_no)
    if summed.has_sums:
        first = min(since, period.first).isoformat()
        rows = rows_of(_BELATED, [day, round_no, first, day, round_no], using=using)
        _add_facts(counted, period, since, rows)
    if summed.has_unsummed:
        facts = facts_of(f"m.day <= %s AND {UNSUMMED}")
        _add_facts(counted, period, since, rows_of(facts, times_chosen([day, round_no]), using=using))


# --- The sums ---------------------------------------------------------------------------------------------------------


def base_of(day: date) -> date:
    """Return the month to whose sum the days until this one are added: none if it is the last of a month."""
    following = day + timedelta(days=1)
    return following if following.day == 1 else first_of(day)


_STOCKS = (
    "SELECT measure, of_day, key, word, CAST(SUM(n) AS bigint) FROM ("
    f"SELECT measure, of_day, key, word, n FROM kpi_monthsum WHERE measure IN ({_listed(STOCKS)}) AND month = %s "
    f"UNION ALL SELECT measure, of_day, key, word, n FROM kpi_daysum WHERE measure IN ({_listed(STOCKS)}) "
    "AND day >= %s AND day <= %s) AS s GROUP BY measure, of_day, key, word HAVING SUM(n) <> 0"  # nosec B608: only texts of ours
)


def _add_stocks(counted: Counted, until: date, using: str) -> None:
    month = base_of(until).isoformat()
    asked = [month, month, until.isoformat()]
    for number, day, key, word, n in rows_of(_STOCKS, asked, using=using):
        counted.stocks[number][day, key, word] += n


def _flows_between(period: Period, until: date) -> tuple[str, list[str]]:
    """
    Return the statement, and its parameters, of flows of the period by measure, key and word that are summed.

    What became known on its day is the difference of what came together until two days. What became known later is
    looked for by the day on which it happened.
    """
    named = _listed(FLOWS)
    parts, parameters = [], []
    last = min(period.last, until)
    if period.first <= last:
        for sign, day in (("", last), ("-", period.first - timedelta(days=1))):
            month = base_of(day).isoformat()
            parts.append(
                f"SELECT measure, key, word, {sign}n AS n FROM kpi_monthsum WHERE measure IN ({named}) AND month = %s "
                f"UNION ALL SELECT measure, key, word, {sign}n FROM kpi_daysum WHERE measure IN ({named}) "
                "AND day >= %s AND day <= %s AND NOT is_late"  # nosec B608: only texts of ours
            )
            parameters += [month, month, day.isoformat()]
    parts.append(
        f"SELECT measure, key, word, n FROM kpi_daysum WHERE measure IN ({named}) AND is_late "
        "AND of_day >= %s AND of_day <= %s AND day <= %s"  # nosec B608: only texts of ours
    )
    parameters += [period.first.isoformat(), period.last.isoformat(), until.isoformat()]
    return " UNION ALL ".join(parts), parameters


def _add_flows(counted: Counted, period: Period, until: date, using: str) -> None:
    source, parameters = _flows_between(period, until)
    statement = (
        f"SELECT measure, key, word, CAST(SUM(n) AS bigint) FROM ({source}) AS s "
        "GROUP BY measure, key, word HAVING SUM(n) <> 0"  # nosec B608: only texts of ours
    )
    for number, key, word, n in rows_of(statement, parameters, using=using):
        counted.flows[number][key, word] += n


_UNTIL_MONTHS = (
    f"SELECT measure, month, key, n FROM kpi_monthsum WHERE measure IN ({_listed(_BY_MONTH)}) "
    "AND month >= %s AND month <= %s"  # nosec B608: only texts of ours
)
_UNTIL_DAY = (
    f"SELECT measure, key, CAST(SUM(n) AS bigint) FROM kpi_daysum WHERE measure IN ({_listed(_BY_MONTH)}) "
    "AND day >= %s AND day <= %s AND NOT is_late GROUP BY measure, key"  # nosec B608: only texts of ours
)
_LATE = (
    f"SELECT measure, of_day, key, CAST(SUM(n) AS bigint) FROM kpi_daysum WHERE measure IN ({_listed(_BY_MONTH)}) "
    "AND is_late AND of_day >= %s AND day <= %s GROUP BY measure, of_day, key"  # nosec B608: only texts of ours
)


def _add_months(counted: Counted, since: date, until: date, using: str) -> None:
    last = first_of(until)
    for number, month, key, n in rows_of(_UNTIL_MONTHS, [since.isoformat(), last.isoformat()], using=using):
        # What came together before a month, less what came together before the one before it.
        if month > since:
            counted.months[number, first_of(month - timedelta(days=1)), key] += n
        if month < last:
            counted.months[number, month, key] -= n
    if last >= since:
        for number, key, n in rows_of(_UNTIL_DAY, [last.isoformat(), until.isoformat()], using=using):
            counted.months[number, last, key] += n
    for number, day, key, n in rows_of(_LATE, [since.isoformat(), until.isoformat()], using=using):
        counted.months[number, first_of(day), key] += n


def rows_of(statement: str, parameters: Sequence[str], *, using: str = "default") -> list[tuple[Any, ...]]:
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        rows = cursor.fetchall()
    if connection.vendor == "postgresql":
        return [tuple(row) for row in rows]
    return [tuple(_as_day(value) for value in row) for row in rows]


def _as_day(value: Any) -> Any:
    """Return a value of SQLite, which gives days as texts. No word of a movement looks like one."""
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        return date.fromisoformat(value)
    return value
