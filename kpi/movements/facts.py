"""
What movements add to each measure, in SQL: the one definition by which days are summed and the rest is read.

A sum of a day, the days that are not summed yet, and all of one supplier are the same statement over other rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kpi.measures import FIRST_FLOW, NO_DAY, Measure

_NONE = f"'{NO_DAY}'"


class Fact(NamedTuple):
    """What a movement adds: `n` times its own `n`, under a day, a key and a word, where the condition holds."""

    measure: Measure
    of_day: str = ""
    key: str = "0"
    word: str = "''"
    n: str = "m.n"
    where: str = ""


_OPEN, _CLOSED = "m.closed_on IS NULL", "m.closed_on IS NOT NULL"
_WORD_OF_SEVERITY = "CASE m.severity WHEN 1 THEN 'low' WHEN 2 THEN 'medium' ELSE 'high' END"
CASES = (
    Fact(Measure.OPEN, "m.created_on", "m.severity", where=_OPEN),
    Fact(Measure.DUE, "m.due_on", where=f"{_OPEN} AND m.due_on IS NOT NULL"),
    Fact(Measure.UNCONTAINED, where=f"{_OPEN} AND m.contained_on IS NULL"),
    Fact(Measure.OPENED, "m.created_on", "m.severity"),
    Fact(Measure.OPENED_CATEGORY, "m.created_on", word="m.category"),
    Fact(Measure.REPEATS, "m.created_on", where="m.is_repeat"),
    Fact(Measure.COSTED, "m.created_on", where="m.cost IS NOT NULL"),
    Fact(Measure.COST, "m.created_on", n="m.n * m.cost", where="m.cost IS NOT NULL"),
    Fact(
        Measure.CONTAINED, "m.contained_on", "m.contained_hours", _WORD_OF_SEVERITY, where="m.contained_on IS NOT NULL"
    ),
    Fact(Measure.CLOSED, "m.closed_on", "m.severity", where=_CLOSED),
    Fact(Measure.CLOSED_DAYS, "m.closed_on", "m.closed_days", where=_CLOSED),
    Fact(Measure.WITH_DUE, "m.closed_on", where=f"{_CLOSED} AND m.due_on IS NOT NULL"),
    Fact(Measure.ON_TIME, "m.closed_on", where=f"{_CLOSED} AND m.closed_on <= m.due_on"),
    Fact(Measure.WITH_GAPS, "m.closed_on", where=f"{_CLOSED} AND m.has_gaps"),
    Fact(Measure.REOPENED, "m.closed_on", where=f"{_CLOSED} AND m.was_reopened"),
)
ACTIONS = (
    Fact(Measure.ACTION_DUE, "m.due_on", where="m.is_running"),
    Fact(Measure.ACTION_DONE, "m.done_on", "m.done_days", where="m.done_on IS NOT NULL"),
    Fact(
        Measure.ACTION_VERIFIED, "m.verified_on", "CASE WHEN m.is_effective THEN 1 ELSE 0 END",
        where="m.verified_on IS NOT NULL",
    ),
)  # fmt: skip
_VERIFIED = "CASE WHEN m.is_verified THEN 1 ELSE 0 END"
CERTIFICATES = (
    Fact(Measure.CERTIFICATE, "m.valid_to", _VERIFIED),
    Fact(Measure.CERTIFICATE_EDITION, word="m.standard || ':' || m.edition", where="m.edition <> ''"),
)
SUPPLIERS = (
    Fact(Measure.LEVEL, word="m.level || ':' || m.criticality", where="m.override_until IS NULL"),
    Fact(
        Measure.OVERRIDDEN, "m.override_until", word="m.override_level || ':' || m.level || ':' || m.criticality",
        where="m.override_until IS NOT NULL",
    ),
    Fact(Measure.MISSING, n="m.n * m.missing", where="m.missing > 0"),
    Fact(Measure.MUST_PROVE, where="m.must_prove"),
    Fact(Measure.PROVEN, "m.proven_until", where="m.must_prove AND m.proven_until IS NOT NULL"),
)  # fmt: skip
VOLUMES = (
    Fact(Measure.VOLUME_MONTHS, "m.month"),
    Fact(Measure.RECEIVED, "m.month", n="m.received"),
    Fact(Measure.DEFECTIVE, "m.month", n="m.defective"),
    Fact(Measure.LOTS, "m.month", n="m.lots"),
    Fact(Measure.REJECTED_LOTS, "m.month", n="m.rejected_lots"),
    Fact(Measure.LATE_LOTS, "m.month", n="m.late_lots"),
)
_OF_CASES = (
    "severity, category, created_on, due_on, contained_on, contained_hours, closed_on, closed_days, is_repeat, "
    "has_gaps, was_reopened, cost"
)
_OF_SUPPLIERS = "level, override_level, override_until, criticality, must_prove, missing, proven_until"
_OF_VOLUMES = ("received", "defective", "lots", "rejected_lots", "late_lots")
# Of each table what its facts look at, what is added up, and the facts.
FACTS: dict[str, tuple[str, tuple[str, ...], tuple[Fact, ...]]] = {
    "kpi_casemovement": (_OF_CASES, (), CASES),
    "kpi_actionmovement": ("is_running, due_on, done_on, done_days, verified_on, is_effective", (), ACTIONS),
    "kpi_certificatemovement": ("standard, edition, is_verified, valid_to", (), CERTIFICATES),
    "kpi_suppliermovement": (_OF_SUPPLIERS, (), SUPPLIERS),
    "kpi_volumemovement": ("month", _OF_VOLUMES, VOLUMES),
}


def facts_of(chosen: str) -> str:
    """
    Return the statement whose rows are measure, of_day, key, word and n, of the movements that `chosen` chooses.

    `chosen` is a condition on a movement `m`; {table} in it is replaced by the name of the table. Each table is read
    once. What was taken back is gone then: of a case that went through five states one is left. The rows that are left
    are looked at once a fact.
    """
    tables, selects = [], []
    for number, (table, (columns, added, facts)) in enumerate(FACTS.items()):
        sums = "".join(f", CAST(SUM(m.{name}) AS bigint) AS {name}" for name in added)
        kept = "" if added else " HAVING SUM(m.n) <> 0"
        tables.append(
            f"t{number} AS MATERIALIZED (SELECT {columns}, CAST(SUM(m.n) AS integer) AS n{sums} "
            f"FROM {table} m WHERE {chosen.replace('{table}', table)} GROUP BY {columns}{kept})"  # nosec B608: only texts of ours
        )
        selects += [_select(fact, f"t{number}") for fact in facts]
    return f"WITH {', '.join(tables)} {' UNION ALL '.join(selects)}"


def times_chosen(parameters: Sequence[str]) -> list[str]:
    """Return the parameters of `chosen` as often as the statement has it."""
    return [*parameters] * len(FACTS)


def _select(fact: Fact, source: str) -> str:
    of_day = fact.of_day or _NONE
    where = f" WHERE {fact.where}" if fact.where else ""
    keys = [each for each in (fact.of_day, fact.key, fact.word) if each not in ("", "0", "''")]
    group = f" GROUP BY {', '.join(keys) or '1'}"
    return (
        f"SELECT {int(fact.measure)} AS measure, {of_day} AS of_day, {fact.key} AS key, {fact.word} AS word, "
        f"CAST(SUM({fact.n}) AS bigint) AS n FROM {source} m{where}{group} HAVING SUM({fact.n}) <> 0"  # nosec B608: only texts of ours
    )


def is_flow(measure: int) -> bool:
    return measure >= FIRST_FLOW
