"""The checker itself: each kind of fault is put into the tables by hand. The checker must find it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy

from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told, read
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store
from lab.chaos.instruments.writers import Writer
from lab.chaos.killing.worker_scenes import run_drain
from lab.gauge import GaugeCalibrated, GaugeCertified

WRITES = 80

Fault = Callable[[Database, Account], object]


def _sql(statement: str) -> Fault:
    return lambda database, account: database.execute(statement)


def _note(kind: str, token: str, told: Told) -> Fault:
    return lambda database, account: account.note(kind, token, told)


def _refuse_what_is_there(database: Database, account: Account) -> None:
    account.note("supplier", database.value("SELECT name FROM suppliers_supplier LIMIT 1"), Told.REFUSED)


_NO_READINGS = "DELETE FROM outbox_outboxevent WHERE event_type = 'LAB_GAUGE_READ'"

# What is done → what must be found.
FAULTS_BY_HAND: dict[str, tuple[str, Fault]] = {
    "an acknowledged write is absent": ("lost", _note("supplier", "Nobody Ltd", Told.ACKNOWLEDGED)),
    "an event and its effects are gone": ("lost", _sql(f"{_NO_READINGS}; DELETE FROM chaos_effect")),
    "an event is gone, its effects are not": ("phantom", _sql(_NO_READINGS)),
    "an effect is gone": ("lost", _sql("DELETE FROM chaos_effect WHERE id = (SELECT min(id) FROM chaos_effect)")),
    "an event was left": (
        "lost",
        _sql("UPDATE outbox_outboxevent SET status = 'PENDING', processed_at = NULL WHERE event_type = 'NC_CREATED'"),
    ),
    "a row without entry and event": (
        "torn",
        _sql(
            "INSERT INTO suppliers_supplier (name, name_key, nc_total, nc_open, nc_open_high, nc_open_medium, "
            "risk_level, risk_score, risk_reasons) VALUES ('Half', 'half', 0, 0, 0, 0, 'low', 0, '[]')"
        ),
    ),
    "an event without entry and row": (
        "torn",
        _sql("UPDATE outbox_outboxevent SET aggregate_id = '999999' WHERE event_type = 'SUPPLIER_CREATED'"),
    ),
    "a closed NC without entry and event": (
        "torn",
        _sql("UPDATE outbox_outboxevent SET event_type = 'NC_CREATED' WHERE event_type = 'NC_CLOSED'"),
    ),
    "a count that differs": ("torn", _sql("UPDATE suppliers_supplier SET nc_total = nc_total + 1")),
    "a risk without entry": ("torn", _sql("UPDATE suppliers_supplier SET risk_level = 'medium'")),
    "an effect without a record": ("torn", _sql("DELETE FROM outbox_processedevent WHERE handler = 'chaos.each'")),
    "a refused write is present": ("phantom", _refuse_what_is_there),
    "a write of nobody": ("phantom", lambda database, account: account.told.pop(("nc", _any_nc(database)))),
    "a second effect": (
        "duplicate",
        _sql(
            "INSERT INTO chaos_effect (handler, event_id, aggregate_id, position) "
            "SELECT handler, event_id, aggregate_id, position FROM chaos_effect LIMIT 1"
        ),
    ),
    "effects in the wrong order": (
        "overtaken",
        _sql("UPDATE chaos_effect SET id = -id WHERE id IN (SELECT id FROM chaos_effect WHERE position = 7)"),
    ),
    "one handler ahead of the others": (
        "overtaken",
        _sql("UPDATE chaos_effect SET id = -id WHERE position = 7 AND handler = 'chaos.together'"),
    ),
    "a handler that saw more than the events before its own left": (
        "overtaken",
        _sql("UPDATE chaos_effect SET calibrations = calibrations + 1 WHERE calibrations IS NOT NULL"),
    ),
    "a handler that saw less than the events before its own left": (
        "overtaken",
        _sql("UPDATE chaos_effect SET calibrations = calibrations - 1 WHERE calibrations > 0"),
    ),
}


def run(lab: Laboratory) -> Outcome:
    """Fill the tables without a fault. Then put in one fault at a time, and look what the checker says."""
    outcome = Outcome("checker-test")
    path = lab.directory / "checker-test.ledger"
    with lab.fresh("checker-test") as database:
        lab.fork("writer", lambda: Writer("w", path).write_until(threading.Event(), most=WRITES)).wait(60)
        account = read([path])
        store(
            lab, account, [("two-kinds", position, "") for position in range(1, 7)], (GaugeCalibrated, GaugeCertified)
        )
        lab.fork("worker", run_drain).wait(60)
        outcome.verdict = check(database, account)
        for what, (fault, do) in FAULTS_BY_HAND.items():
            changed = deepcopy(account)
            with database.undone():
                do(database, changed)
                found = check(database, changed).counts()
            outcome.demand(found[fault] > 0, f"{what}: not found to be {fault}, but {found}")
        outcome.figures = {"writes": len(account.told), "faults_put_in": len(FAULTS_BY_HAND)}
    return outcome


def _any_nc(database: Database) -> str:
    return str(database.value("SELECT description FROM ncs_nonconformity LIMIT 1"))
