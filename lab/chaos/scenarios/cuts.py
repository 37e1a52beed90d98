"""Cuts: the line breaks at COMMIT, before it arrives or after it was done. Nobody is told which."""

from __future__ import annotations

from functools import partial

from dev.waiting import wait_until
from lab.chaos.instruments.environment import use_database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Told
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.proxied import ProxyProcess, proxy
from lab.chaos.load import Load

SHARE = 0.4
SECONDS = 240.0
WRITER_PAUSE_SECONDS = 0.04


def run(lab: Laboratory) -> Outcome:
    """Cut writers and workers off at COMMIT, so many times before it and as many after it."""
    cuts = 10 if lab.quick else 200
    outcome = Outcome("cuts")
    with lab.fresh("cuts") as database, proxy(lab) as for_writers, proxy(lab) as for_workers:
        load = Load(lab, database)
        use_database(for_workers.url(database))
        load.start_workers(4, "--batch-size", "5")
        use_database(for_writers.url(database))
        load.start_writers(2, pause=WRITER_PAUSE_SECONDS)
        wait_until(lambda: database.effects() > 0, seconds=60, what="a first effect")
        for mode in ("before", "after"):
            for line in (for_writers, for_workers):
                line.order(f"{mode} {SHARE} {cuts}")
            for line in (for_writers, for_workers):
                wait_until(partial(_has_cut, line, mode, cuts), seconds=SECONDS, what=f"{cuts} cuts")
                line.order("pass")
        load.end(outcome)
        outcome.figures = {
            "writers_cut": _counted(for_writers),
            "workers_cut": _counted(for_workers),
            **load.figures(),
        }
        unknown = load.account.count(Told.UNKNOWN)
        outcome.demand(unknown > 0, "no writer was left in doubt, so nothing was tested")
    return outcome


def _has_cut(line: ProxyProcess, mode: str, times: int) -> bool:
    return line.count(mode) >= times


def _counted(line: ProxyProcess) -> str:
    counts = line.order("count")
    return f"{counts['before']} before, {counts['after']} after"
