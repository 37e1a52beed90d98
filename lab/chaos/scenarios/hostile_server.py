"""Hostile server: the database says badly what sessions begin with. Then it stops all writes for a while."""

from __future__ import annotations

import time

from dev.waiting import wait_until
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load

HOSTILE = {
    "client_encoding": "'LATIN1'", "timezone": "'Asia/Tokyo'", "datestyle": "'German'", "intervalstyle": "iso_8601",
    "bytea_output": "escape", "extra_float_digits": "-3", "standard_conforming_strings": "off",
    "backslash_quote": "off", "array_nulls": "off", "transform_null_equals": "on", "gin_fuzzy_search_limit": "20",
    "search_path": "pg_catalog",
    "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "row_security": "off",
    "exit_on_error": "on", "statement_timeout": "'1s'", "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'100ms'", "idle_session_timeout": "'1s'", "jit": "on",
    "jit_above_cost": "0", "session_replication_role": "replica",
}  # fmt: skip
READ_ONLY = "default_transaction_read_only"
READ_ONLY_SECONDS = 2.0
WRITTEN_BY_API = "SELECT count(*) FROM suppliers_supplier WHERE name LIKE 'http-%'"


def run(lab: Laboratory) -> Outcome:
    """Put a load on it. No handler fails, so no attempt may be counted."""
    outcome = Outcome("hostile-server")
    with lab.fresh("hostile-server") as database:
        database.value("SELECT 1")  # the laboratory's own line begins before, and is spared
        for setting, value in HOSTILE.items():
            _say(database, f"SET {setting} = {value}")
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        time.sleep(3.0 if lab.quick else 30.0)
        _say(database, f"SET {READ_ONLY} = on")
        database.terminate()
        time.sleep(READ_ONLY_SECONDS)
        _say(database, f"RESET {READ_ONLY}")  # nobody is ended: who was refused connects anew by itself
        before = database.value(WRITTEN_BY_API)
        wait_until(lambda: database.value(WRITTEN_BY_API) > before, seconds=30, what="the API to write again")
        load.end(outcome)
        counted = database.value("SELECT count(*) FROM outbox_outboxevent WHERE attempts > 0")
        outcome.demand(counted == 0, f"{counted} events were counted as failed")
        outcome.figures = {"settings": len(HOSTILE), "read_only": READ_ONLY_SECONDS, **load.figures()}
    return outcome


def _say(database: Database, words: str) -> None:
    database.execute(f'ALTER DATABASE "{database.name}" {words}')
