"""Snapshot: somebody holds one, as pg_dump does, while events are handled. Those that come later do not wait for it."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress

from dev.waiting import Stalled, wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store_many
from lab.gauge import GaugeCalibrated, GaugeCounted

BEFORE_SECONDS = 60.0
SECONDS = 20.0
MOST = 5.0  # times as long as without the snapshot
SHORT_SECONDS = 2.0  # what is no longer than this is no reason to complain


def run(lab: Laboratory) -> Outcome:
    """Handle many events of one aggregate under a held snapshot. Measure what comes then, beside the same without."""
    before, after = (4_000, 400) if lab.quick else (20_000, 1_000)
    account = Account()
    took: dict[str, float | None] = {}
    outcome = Outcome("snapshot", {"handled_before": before, "events": after})
    with lab.fresh("snapshot") as database:
        worker = lab.worker("worker", "--poll-interval", "0.2")
        for name in ("free", "held"):
            with database.snapshot_held() if name == "held" else nullcontext():
                store_many(database, account, before, gauge=f"'{name}'", position="i", kind=GaugeCounted)
                if _handled_within(database, BEFORE_SECONDS) is None:
                    outcome.demand(False, f"{before:,} events were not handled in {BEFORE_SECONDS:g} s ({name})")
                    return outcome
                store_many(database, account, after, gauge=f"'{name}'", position=f"{before} + i", kind=GaugeCounted)
                store_many(database, account, 5, gauge=f"'{name}-' || i", kind=GaugeCalibrated)
                took[name] = _handled_within(database, SECONDS)
                outcome.demand(
                    took[name] is not None,
                    f"{database.pending():,} of {after + 5:,} events were not handled in {SECONDS:g} s ({name})",
                )
        outcome.demand(worker.poll() is None, "the worker ended by itself")
        outcome.verdict = check(database, account, settled=not outcome.complaints)
    free, held = took["free"], took["held"]
    if free is not None and held is not None:
        bound = max(SHORT_SECONDS, MOST * free)
        outcome.demand(held <= bound, f"under the snapshot it took {held:.1f} s, without {free:.1f} s")
        outcome.figures |= {"without": free, "with": held}
    return outcome


def _handled_within(database: Database, seconds: float) -> float | None:
    """Return how long it takes until nothing is pending. None: longer than that."""
    started = time.monotonic()
    with suppress(Stalled):
        wait_until(lambda: not database.pending(), seconds=seconds, what="no event to be pending", every=0.05)
        return time.monotonic() - started
    return None
