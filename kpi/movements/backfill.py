"""Movements of rows that were there before their triggers: of the past as the rows tell it today."""

from __future__ import annotations

from collections.abc import Iterator

from kpi.movements import states
from kpi.movements.states import Columns, Dialect
from kpi.movements.triggers import insertion, present_suppliers

_CASES, _ACTIONS = "ncs_nonconformity r", "ncs_correctiveaction r"
_NO_CONTAINMENT = {"contained_on": "NULL", "contained_hours": "NULL"}
_NO_CLOSING = {"closed_on": "NULL", "closed_days": "NULL", "has_gaps": "(1 = 0)"}
_NO_VERIFICATION = {"verified_on": "NULL", "is_effective": "NULL"}
_NULLS = {
    "contained_on": "date", "contained_hours": "integer", "closed_on": "date", "closed_days": "integer",
    "done_on": "date", "done_days": "integer", "verified_on": "date", "is_effective": "boolean",
}  # fmt: skip
_RUNNING = {"is_running": "(1 = 1)", "done_on": "NULL", "done_days": "NULL"} | _NO_VERIFICATION


def _row(kind: str, day: str, n: int, state: Columns, source: str) -> str:
    return (
        f"INSERT INTO kpi_{kind}movement (day, n, {', '.join(state)}) "
        f"SELECT {day}, {n}, {', '.join(_typed(name, value) for name, value in state.items())} FROM {source}"  # nosec B608: only texts of ours
    )


def _typed(name: str, value: str) -> str:
    """PostgreSQL takes a bare null for a text."""
    return f"CAST(NULL AS {_NULLS[name]})" if value == "NULL" else value


def backfill(sql: Dialect, supplier: Columns) -> Iterator[str]:
    """
    Yield the statements: cases were recorded, contained and closed; actions agreed on, done and verified.

    `supplier` is what a supplier counts as.
    """
    case = states.case_state("r", sql)
    counted = f"{_CASES} WHERE {states.case_counts('r')}"
    recorded, contained = {**case, **_NO_CONTAINMENT, **_NO_CLOSING}, {**case, **_NO_CLOSING}
    yield _row("case", case["created_on"], 1, recorded, counted)
    was_contained, was_closed = f"{counted} AND r.contained_at IS NOT NULL", f"{counted} AND r.closed_at IS NOT NULL"
    for n, state in ((-1, recorded), (1, contained)):
        yield _row("case", case["contained_on"], n, state, was_contained)
    for n, state in ((-1, contained), (1, case)):
        yield _row("case", case["closed_on"], n, state, was_closed)
    action = states.action_state("r", sql, states.supplier_of_case("r"))
    counted = f"{_ACTIONS} WHERE {states.action_counts('r')}"
    agreed, done = {**action, **_RUNNING}, {**action, **_NO_VERIFICATION}
    yield _row("action", sql.day("r.created_at"), 1, agreed, counted)
    for n, state in ((-1, agreed), (1, done)):
        yield _row("action", action["done_on"], n, state, f"{counted} AND r.done_at IS NOT NULL")
    for n, state in ((-1, done), (1, action)):
        yield _row("action", action["verified_on"], n, state, f"{counted} AND r.verified_at IS NOT NULL")
    yield _row(
        "certificate", sql.day("r.submitted_at"), 1, states.certificate_state("r", sql),
        f"suppliers_certificate r WHERE {states.certificate_counts('r')}",
    )  # fmt: skip
    yield _row("supplier", sql.day("s.created_at"), 1, supplier, states.suppliers_that_count())
    yield _row("volume", sql.day("r.updated_at"), 1, states.volume_state("r", sql), "suppliers_suppliervolume r")


def note_suppliers(sql: Dialect, supplier: Columns) -> Iterator[str]:
    """
    Yield the statements that note today what all suppliers count as, where the last movement says something else.

    Former days stay as they were told.
    """
    last = "kpi_suppliermovement l WHERE l.n = 1 AND l.id IN "
    last += "(SELECT max(m.id) FROM kpi_suppliermovement m GROUP BY m.supplier_id)"
    same = " AND ".join(f"p.{name} {sql.same} l.{name}" for name in supplier)
    present = f"({present_suppliers(supplier)}) AS p"
    taken_back = {name: f"l.{name}" for name in supplier}
    differs = f"NOT EXISTS (SELECT 1 FROM {present} WHERE {same})"  # nosec B608: only texts of ours
    yield insertion("supplier", taken_back, sql, -1, f"FROM {last} AND {differs}")
    noted = {name: f"p.{name}" for name in supplier}
    counts = f"SELECT 1 FROM {last} AND l.supplier_id = p.supplier_id"  # nosec B608: only texts of ours
    yield insertion("supplier", noted, sql, 1, f"FROM {present} WHERE NOT EXISTS ({counts})")


def begin(sql: Dialect) -> str:
    """Return what notes that the past before today was told by the rows, if there were any."""
    return (
        f"INSERT INTO kpi_figuresbegin (id, day) SELECT 1, {sql.today} "
        "WHERE EXISTS (SELECT 1 FROM kpi_casemovement) OR EXISTS (SELECT 1 FROM kpi_suppliermovement)"  # nosec B608: only texts of ours
    )
