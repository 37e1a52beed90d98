"""Failover: the primary crashes under load. A synchronous standby takes its place, and has what was acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.postgres.server import SOCKET_NAME
from dev.postgres.standby import Standby
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database
from lab.chaos.instruments.laboratory import SERVER_SETTINGS, Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.own_server import own_server
from lab.chaos.instruments.proxied import proxy
from lab.chaos.instruments.standby import point, promote, wait_until_synchronous
from lab.chaos.load import Load

P95_SECONDS = 5.0
LOAD_SECONDS = (2.0, 5.0)


def run(lab: Laboratory) -> Outcome:
    """Promote the standby of a crashed primary while writers, the API and workers go on by one address."""
    rounds = 1 if lab.quick else 2
    outcome = Outcome("failover", {"rounds": rounds, "standby": "synchronous"})
    for _ in range(rounds):
        with own_server(lab) as other, _standby(other) as standby:
            _one(other, standby, outcome)
    return outcome


def _one(lab: Laboratory, standby: Standby, outcome: Outcome) -> None:
    link = lab.directory / f"primary-{lab.server.pid}"
    point(link, lab.server, SOCKET_NAME)
    with proxy(lab, link) as line, lab.fresh("failover") as database:
        database.close()
        database.url = line.url(database)
        use_database(database.url)
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        time.sleep(lab.chance().uniform(*LOAD_SECONDS))
        lab.server.stop("immediate")
        crashed_at = time.time()
        promote(standby)
        point(link, standby, SOCKET_NAME)
        ready_at = time.time()
        time.sleep(LOAD_SECONDS[0])
        load.end(outcome)
        figures = {**load.figures(), "away": ready_at - crashed_at}
        figures |= load.recovery([ready_at], outcome, p95_seconds=P95_SECONDS)
        _demand_progress(outcome, database, ready_at)
        outcome.figures |= {name: figures[name] for name in ("acknowledged", "unknown", "away", "workers_max")}


def _demand_progress(outcome: Outcome, database: Database, moment: float) -> None:
    after = database.value("SELECT count(*) FROM chaos_effect WHERE at > to_timestamp(%s)", [moment])
    outcome.demand(after > 0, "no event was handled on the new primary")


@contextmanager
def _standby(lab: Laboratory) -> Iterator[Standby]:
    standby = Standby(lab.server.directory, SERVER_SETTINGS)
    with standby:
        wait_until_synchronous(lab.server)
        yield standby
