"""Poolers: PgBouncer stands before the server. In session mode all works, in other modes all is refused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
from django.core.management import call_command

from dev.stack import api_command, free_port
from lab.chaos.instruments import children
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database, with_own_bounds
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.pooler import PoolMode, find_pooler, pooler
from lab.chaos.load import Load
from qhse.deployment.connections import bound_connections

EVERY_SECONDS = 0.5
REFUSED_WITHIN_SECONDS = 30.0
NEIGHBOURS = 3
WARM_SERVERS = 4
SHARING: tuple[PoolMode, ...] = ("transaction", "statement")


def run(lab: Laboratory) -> Outcome:
    """Put a load through the pooler and end its lines. Then start everything behind one that shares servers."""
    outcome = Outcome("poolers")
    program = find_pooler()
    if program is None:
        outcome.figures = {"skipped": "pgbouncer is not installed"}
        return outcome
    with lab.fresh("poolers") as database:
        _session_mode(lab, program, database, outcome)
        refused = 0
        for mode in SHARING:
            with pooler(lab, program, mode) as line:
                url = line.url(database)
                refused += _refusals(lab, url, mode, outcome)
                with _neighbours(url):
                    refused += _refusals(lab, url, f"{mode} with neighbours", outcome)
            with pooler(lab, program, mode, in_turns=True) as line:
                url = line.url(database)
                _warm(url)
                refused += _refusals(lab, url, f"{mode} in turns", outcome)
        outcome.figures["refused"] = refused
    return outcome


def _session_mode(lab: Laboratory, program: str, database: Database, outcome: Outcome) -> None:
    rounds = 3 if lab.quick else 20
    with pooler(lab, program, "session") as line:
        url = line.url(database)
        use_database(url)
        asked = lab.fork("bounds", _demand_bounds)
        outcome.demand(asked.wait(30) == 0, f"behind the pooler no bounds are in force: {asked.last_words()[-300:]}")
        load = Load(lab, database, url=url)
        load.start(writers=2, workers=2)
        ended = 0
        for _ in range(rounds):
            time.sleep(EVERY_SECONDS)
            ended += database.terminate()
        time.sleep(1.0)
        load.end(outcome)
    outcome.figures = {"rounds": rounds, "connections_ended": ended, **load.figures()}


def _demand_bounds() -> None:
    """Ask the session of a process that has bounds, twice: the second one may get the server of the first."""
    from django.db import connection

    bound_connections(statement=7, lock=6, idle_in_transaction=5, name="qhse-asked")
    for _ in range(2):
        with connection.cursor() as cursor:
            # Not the name: who was forked off a process that has one keeps it.
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            found = cursor.fetchone()
        if found != ("7s", "6s"):
            raise AssertionError(found)
        connection.close()


def _refusals(lab: Laboratory, url: str, mode: str, outcome: Outcome) -> int:
    """Start a worker, a command and the API. Return how many said why they do not work here."""
    use_database(url)
    worker = lab.worker("refused-worker")
    command = lab.fork("refused-command", _outbox_status)
    api = children.spawn(
        "refused-api", api_command(free_port()),
        env=os.environ | {"DATABASE_URL": url, "GUNICORN_WORKERS": "1"}, log=lab.log("refused-api"),
    )  # fmt: skip
    kept = 0
    for child in (worker, command, api):
        code = child.wait(REFUSED_WITHIN_SECONDS)
        said = "pool_mode=session" in child.last_words()
        outcome.demand(code != 0 and said, f"{child.name} in {mode} mode: {code}, {child.last_words()[-300:]}")
        kept += code != 0 and said
        child.log.write_text("")
    return kept


def _outbox_status() -> None:
    with_own_bounds()
    call_command("outbox_status")


def _warm(url: str) -> None:
    """Have the pooler open several servers, so that two clients may long be given different ones."""
    with ExitStack() as lines:
        opened = [
            lines.enter_context(psycopg.connect(url, autocommit=True, prepare_threshold=None))
            for _ in range(WARM_SERVERS)
        ]
        threads = [threading.Thread(target=line.execute, args=("SELECT pg_sleep(0.5)",)) for line in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@contextmanager
def _neighbours(url: str) -> Iterator[None]:
    """Let others use the same pool, so that servers change hands in between."""
    over = threading.Event()
    threads = [threading.Thread(target=_be_neighbour, args=(url, over), daemon=True) for _ in range(NEIGHBOURS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def _be_neighbour(url: str, over: threading.Event) -> None:
    with suppress(psycopg.Error), psycopg.connect(url, autocommit=True, prepare_threshold=None) as line:
        while not over.wait(0.001):
            line.execute("SELECT 1")
