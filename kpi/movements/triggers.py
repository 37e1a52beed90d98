"""
The triggers that note movements, for both databases.

They stand in the database and not in the services: whatever changes a row is noted, imports, mergers and a hand in SQL
too, and no service can forget it. What POST /ncs pays is one row more, without a statement of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from kpi.movements import states, turns
from kpi.movements.states import POSTGRESQL, SQLITE, Columns, Dialect

CASES, ACTIONS = "ncs_nonconformity", "ncs_correctiveaction"
CERTIFICATES, SUPPLIERS, VOLUMES = "suppliers_certificate", "suppliers_supplier", "suppliers_suppliervolume"
MOVEMENTS = tuple(f"kpi_{kind}movement" for kind in ("case", "action", "certificate", "supplier", "volume"))
_NEXT_ROUND = "COALESCE(MAX(number), 0) + 1 FROM kpi_belatedround"


def insertion(kind: str, columns: Columns, sql: Dialect, n: int, of: str) -> str:
    """Return the INSERT of a movement of each row of a source: `of` is what follows the columns."""
    return (
        f"INSERT INTO kpi_{kind}movement (day, n, {', '.join(columns)}) "
        f"SELECT {sql.today}, {n}, {', '.join(columns.values())} {of}"
    )


# --- What each write notes: (kind of write, condition on the row or none, statements) ---------------------------------


def _case(sql: Dialect) -> Iterator[tuple[str, str]]:
    for row, n in (("OLD", -1), ("NEW", 1)):
        noted = insertion("case", states.case_state(row, sql), sql, n, f"WHERE {states.case_counts(row)}")
        yield row, noted
        state = states.action_state("a", sql, f"{row}.supplier_id")
        of = f"FROM {ACTIONS} a WHERE a.nc_id = NEW.id AND {states.action_counts('a')}"
        if row == "OLD":
            yield "OLD", insertion("action", state, sql, -1, f"{of} AND OLD.supplier_id <> NEW.supplier_id")
        else:
            yield "BOTH", insertion("action", state, sql, 1, f"{of} AND OLD.supplier_id <> NEW.supplier_id")


def _action(sql: Dialect) -> Iterator[tuple[str, str]]:
    for row, n in (("OLD", -1), ("NEW", 1)):
        state = states.action_state(row, sql, states.supplier_of_case(row))
        yield row, insertion("action", state, sql, n, f"WHERE {states.action_counts(row)}")


def _certificate(sql: Dialect) -> Iterator[tuple[str, str]]:
    for row, n in (("OLD", -1), ("NEW", 1)):
        state = states.certificate_state(row, sql)
        yield row, insertion("certificate", state, sql, n, f"WHERE {states.certificate_counts(row)}")


def _supplier(sql: Dialect) -> Iterator[tuple[str, str]]:
    for each in noted_supplier("NEW.id", states.supplier_state(), sql):
        yield "NEW", each


def _volume(sql: Dialect) -> Iterator[tuple[str, str]]:
    for row, n in (("OLD", -1), ("NEW", 1)):
        yield row, insertion("volume", states.volume_state(row, sql, "-" if n < 0 else ""), sql, n, "")


def noted_supplier(supplier: str, state: Columns, sql: Dialect) -> Iterator[str]:
    """
    Yield what takes back how a supplier counted last, if that has changed, and then notes how it counts.

    The last movement tells what it counted as, and not the row as it was: what other triggers noted once is taken back
    as they noted it.
    """
    names = [name for name in state if name != "supplier_id"]
    present = f"{present_suppliers(state)} AND s.id = {supplier}"
    last = (
        "SELECT l.* FROM kpi_suppliermovement l "
        f"WHERE l.supplier_id = {supplier} ORDER BY l.supplier_id, l.id DESC LIMIT 1"  # nosec B608: only texts of ours
    )
    same = " AND ".join(f"p.{name} {sql.same} l.{name}" for name in names)
    taken_back = {"supplier_id": "l.supplier_id"} | {name: f"l.{name}" for name in names}
    yield insertion(
        "supplier", taken_back, sql, -1,
        f"FROM ({last}) AS l WHERE l.n = 1 AND NOT EXISTS (SELECT 1 FROM ({present}) AS p WHERE {same})",  # nosec B608: only texts of ours
    )  # fmt: skip
    noted = {name: f"p.{name}" for name in state}
    yield insertion(
        "supplier", noted, sql, 1,
        f"FROM ({present}) AS p WHERE NOT EXISTS (SELECT 1 FROM ({last}) AS l WHERE l.n = 1)",  # nosec B608: only texts of ours
    )  # fmt: skip


def present_suppliers(state: Columns) -> str:
    """Return the query of how suppliers count now. A condition may follow."""
    columns = ", ".join(f"{value} AS {name}" for name, value in state.items())
    return f"SELECT {columns} FROM {states.suppliers_that_count()}"  # nosec B608: only texts of ours


class Noted(NamedTuple):
    """A kind of record: its table, what of a row is watched, and the statements of a write."""

    kind: str
    table: str
    watched: tuple[str, ...]
    of: Callable[[Dialect], Iterator[tuple[str, str]]]


CERTIFICATE = Noted("certificate", CERTIFICATES, states.CERTIFICATE_WATCHED, _certificate)
SUPPLIER = Noted("supplier", SUPPLIERS, states.SUPPLIER_WATCHED, _supplier)
OTHERS = (
    Noted("case", CASES, states.CASE_WATCHED, _case),
    Noted("action", ACTIONS, states.ACTION_WATCHED, _action),
    Noted("volume", VOLUMES, states.VOLUME_WATCHED, _volume),
)
NOTED = (*OTHERS, CERTIFICATE, SUPPLIER)
WRITES = ("insert", "update", "delete")


def _fits(write: str, rows: str) -> bool:
    """Answer whether a statement that needs these rows can run at this write."""
    return {"insert": rows == "NEW", "delete": rows == "OLD", "update": True}[write]


def _is_needed(kind: str, write: str) -> bool:
    return write != "delete" or kind in ("volume", "certificate")  # other rows are never deleted


def _changed(watched: Sequence[str], differs: str) -> str:
    """What is watched is a column, or a condition on one."""
    return " OR ".join(f"(OLD.{each}) {differs} (NEW.{each})" for each in watched)


def on_postgresql(noted: Iterable[Noted] = NOTED) -> Iterator[str]:
    """Yield the statements that install them on PostgreSQL."""
    for kind, table, watched, of in noted:
        for write in WRITES:
            if not _is_needed(kind, write):
                continue
            statements = "; ".join(each for rows, each in of(POSTGRESQL) if _fits(write, rows))
            name = f"kpi_note_{kind}_{write}"
            yield (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
                f"BEGIN {statements}; RETURN NULL; END $$"
            )
            when = f"WHEN ({_changed(watched, 'IS DISTINCT FROM')}) " if write == "update" else ""
            yield (
                f"CREATE TRIGGER {name} AFTER {write.upper()} ON {table} FOR EACH ROW {when}EXECUTE FUNCTION {name}()"
            )


def guard_postgresql() -> Iterator[str]:
    """Yield the statements that make movements append-only on PostgreSQL."""
    yield (
        "CREATE FUNCTION kpi_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'movements are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in MOVEMENTS:
        yield (
            f"CREATE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION kpi_refuse_change()"
        )


def belated_postgresql() -> Iterator[str]:
    """
    Yield the statements that tell movements apart on PostgreSQL whose day is summed already.

    Whoever notes a movement shares the lock of its day until the transaction ends, and looks only then whether the day
    is summed: a statement of a function sees what was committed before it began. The worker that sums the day has the
    lock alone. So either the worker sees the movement, or who notes it sees that the day is summed. The first day ever
    takes all before it with it, which have locks of their own. Until then, all share one more.
    """
    yield (
        "CREATE OR REPLACE FUNCTION kpi_note_belated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"PERFORM pg_advisory_xact_lock_shared({turns.FIRST_DAY} + (NEW.day - DATE '{turns.EPOCH}')); "
        "IF NOT EXISTS (SELECT FROM kpi_summedday) THEN "
        f"PERFORM pg_advisory_xact_lock_shared({turns.BELATED}); END IF; "
        "IF EXISTS (SELECT FROM kpi_summedday WHERE day >= NEW.day) THEN "
        f"PERFORM pg_advisory_xact_lock_shared({turns.BELATED}); "
        "INSERT INTO kpi_belatedmovement (of_table, movement_id, day, round_no) "
        f"SELECT TG_TABLE_NAME, NEW.id, NEW.day, {_NEXT_ROUND}; "
        "END IF; RETURN NULL; END $$"  # nosec B608: only constants are put in
    )
    for table in MOVEMENTS:
        yield (
            f"CREATE OR REPLACE TRIGGER {table}_belated AFTER INSERT ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION kpi_note_belated()"
        )


def not_belated_postgresql() -> Iterator[str]:
    for table in MOVEMENTS:
        yield f"DROP TRIGGER IF EXISTS {table}_belated ON {table}"
    yield "DROP FUNCTION IF EXISTS kpi_note_belated()"


def off_postgresql(noted: Iterable[Noted] = NOTED) -> Iterator[str]:
    for kind, table, _, _ in noted:
        for write in WRITES:
            if _is_needed(kind, write):
                yield f"DROP TRIGGER kpi_note_{kind}_{write} ON {table}"
                yield f"DROP FUNCTION kpi_note_{kind}_{write}()"


def unguard_postgresql() -> Iterator[str]:
    for table in MOVEMENTS:
        yield f"DROP TRIGGER {table}_refuse ON {table}"
    yield "DROP FUNCTION kpi_refuse_change()"


def on_sqlite(noted: Iterable[Noted] = NOTED) -> Iterator[str]:
    """Yield the statements that install those on SQLite that are not there, and the guards of movements."""
    for kind, table, watched, of in noted:
        for write in WRITES:
            if not _is_needed(kind, write):
                continue
            statements = "; ".join(each for rows, each in of(SQLITE) if _fits(write, rows))
            when = f"WHEN {_changed(watched, 'IS NOT')} " if write == "update" else ""
            yield (
                f"CREATE TRIGGER IF NOT EXISTS kpi_note_{kind}_{write} AFTER {write.upper()} ON {table} {when}"
                f"BEGIN {statements}; END"
            )
    for table in MOVEMENTS:
        for write in ("update", "delete"):
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{write} BEFORE {write.upper()} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'movements are append-only'); END"
            )


def belated_sqlite() -> Iterator[str]:
    """Yield the statements that tell such movements apart on SQLite, where one writes at a time."""
    for table in MOVEMENTS:
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {table}_belated AFTER INSERT ON {table} "
            "WHEN EXISTS (SELECT 1 FROM kpi_summedday WHERE day >= NEW.day) BEGIN "
            "INSERT INTO kpi_belatedmovement (of_table, movement_id, day, round_no) "
            f"SELECT '{table}', NEW.id, NEW.day, {_NEXT_ROUND}; END"  # nosec B608: only texts of ours
        )


def off_sqlite() -> Iterator[str]:
    for kind, _, _, _ in NOTED:
        for write in WRITES:
            yield f"DROP TRIGGER IF EXISTS kpi_note_{kind}_{write}"
    for table in MOVEMENTS:
        yield f"DROP TRIGGER IF EXISTS {table}_belated"
        for write in ("update", "delete"):
            yield f"DROP TRIGGER IF EXISTS {table}_refuse_{write}"
