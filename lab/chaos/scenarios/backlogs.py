"""Backlogs: many events cannot be had yet. Their neighbours flow, and a retry is found when it is due."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from dev.waiting import Stalled, wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store_many
from lab.gauge import GaugeCalibrated, GaugeCounted

LONG_DUE = "to_timestamp(0)"  # as good as every event that was never tried
LONGEST_WAIT = 3600.0  # seconds; what lies farther ahead, no worker has planned
NOT_YET = "now() + interval '50 minutes'"
HEAD_WAITS = f"CASE WHEN i = 1 THEN {NOT_YET} ELSE {LONG_DUE} END"
RETRY_SECONDS = 2.0
SOON_SECONDS = 8.0
STUCK_SECONDS = 20.0
SETTLE_SECONDS = 60.0


def run(lab: Laboratory) -> Outcome:
    """Let the head of one long aggregate wait. Then let the heads of many wait, while more of their type fail."""
    outcome = Outcome("backlogs")
    _behind_one(lab, outcome)
    _behind_many(lab, outcome)
    return outcome


def _behind_one(lab: Laboratory, outcome: Outcome) -> None:
    """One aggregate has a head that waits for its retry, and due events behind it."""
    events, neighbours = (5_000, 100) if lab.quick else (100_000, 1_000)
    account = Account()
    with lab.fresh("backlogs-one") as database:
        store_many(database, account, events, gauge="'long'", position="i", due=HEAD_WAITS, kind=GaugeCounted)
        worker = lab.worker("worker", "--poll-interval", "0.5", setup=_may_wait_long)
        for name in ("near", "nearer"):  # the first waits until the worker has started as well
            store_many(database, account, neighbours, gauge=f"'{name}-' || i", kind=GaugeCounted)
            took = _seconds_until_handled(outcome, database, name, neighbours)
        _demand(outcome, "neighbours_of_a_head_that_waits", took)
        due_at = _soon_due(database)
        took = _seconds_until_handled(outcome, database, "long", 1, since=due_at)
        _demand(outcome, "head_of_one", took)
        # The long aggregate is being handled now.
        store_many(database, account, neighbours, gauge="'late-' || i", kind=GaugeCounted)
        _demand(outcome, "neighbours_of_the_long_one", _seconds_until_handled(outcome, database, "late", neighbours))
        settled = not outcome.complaints
        if settled:
            wait_until(lambda: not database.pending(), seconds=SETTLE_SECONDS, what="the long aggregate")
        _judge(outcome, database, account, worker, settled=settled)
    outcome.figures |= {"behind_one_head": events}


def _behind_many(lab: Laboratory, outcome: Outcome) -> None:
    """Nearly all aggregates have a head that waits for its retry. Some are tried, and fail for ever."""
    aggregates, followers, failing, neighbours = (1_000, 5, 50, 100) if lab.quick else (60_000, 5, 300, 500)
    account = Account()
    with lab.fresh("backlogs-many") as database:
        store_many(database, account, aggregates, due=NOT_YET, conduct="fail")
        store_many(
            database,
            account,
            aggregates * followers,
            gauge=f"(1 + mod(i, {aggregates}))::text",
            position=f"2 + i / {aggregates}",
            due=LONG_DUE,
            conduct="fail",
        )
        store_many(database, account, failing, gauge="'failing-' || i", conduct="fail")
        store_many(database, account, 10, gauge="'long'", position="i", due=HEAD_WAITS)
        worker = lab.worker("worker", "--max-attempts", "3", "--poll-interval", "0.5", setup=_may_wait_long)
        for name in ("near", "nearer"):
            store_many(database, account, neighbours, gauge=f"'{name}-' || i", kind=GaugeCalibrated)
            took = _seconds_until_handled(outcome, database, name, neighbours)
        _demand(outcome, "neighbours_of_another_type", took)
        due_at = _soon_due(database)
        took = _seconds_until_handled(outcome, database, "long", 10, since=due_at)
        _demand(outcome, "head_among_many", took)
        _judge(outcome, database, account, worker, settled=False)
    outcome.figures |= {"heads_that_wait": aggregates, "behind_them": aggregates * followers}


def _may_wait_long() -> None:
    settings.OUTBOX_BACKOFF_CAP = LONGEST_WAIT


def _soon_due(database: Database) -> float:
    """Let the head that waits be due in a moment. Return when, by the database's clock."""
    return float(
        database.value(
            f"UPDATE outbox_outboxevent SET next_attempt_at = clock_timestamp() + interval '{RETRY_SECONDS} seconds' "
            "WHERE aggregate_id = 'long' AND payload->>'position' = '1' "
            "RETURNING extract(epoch FROM next_attempt_at)::float8"
        )
    )


def _seconds_until_handled(
    outcome: Outcome, database: Database, gauges: str, number: int, *, since: float | None = None
) -> float | None:
    """Return after what time so many events of these gauges were handled. None: it was far too long."""
    try:
        wait_until(partial(_are_handled, database, gauges, number), seconds=STUCK_SECONDS, what=gauges, every=0.1)
    except Stalled:
        return None
    return float(
        database.value(
            "SELECT extract(epoch FROM max(processed_at))::float8 "
            "- coalesce(%s, extract(epoch FROM max(created_at))::float8) "
            "FROM outbox_outboxevent WHERE split_part(aggregate_id, '-', 1) = %s AND status = 'DONE' "
            "AND (payload->>'position')::int <= %s",
            [since, gauges, number],
        )
    )


def _are_handled(database: Database, gauges: str, number: int) -> bool:
    sql = "SELECT count(*) FROM outbox_outboxevent WHERE split_part(aggregate_id, '-', 1) = %s AND status = 'DONE'"
    return int(database.value(sql, [gauges])) >= number


def _demand(outcome: Outcome, what: str, took: float | None) -> None:
    named = what.replace("_", " ")
    if took is None:
        outcome.demand(False, f"{named}: waited {STUCK_SECONDS:g} s in vain")
        return
    outcome.figures[what] = took
    outcome.demand(took <= SOON_SECONDS, f"{named}: {took:.1f} s")


def _judge(outcome: Outcome, database: Database, account: Account, worker: Child, *, settled: bool) -> None:
    outcome.demand(worker.poll() is None, "the worker ended by itself")
    outcome.verdict += check(database, account, settled=settled)
    counted = database.value(
        "SELECT count(*) FROM outbox_outboxevent WHERE attempts > 0 AND payload->>'conduct' <> 'fail'"
    )
    outcome.demand(counted == 0, f"{counted} events whose handlers did not fail were counted as failed")
    taken_for_away = "database is away" in worker.log.read_text()
    outcome.demand(not taken_for_away, "the worker took the database for away, and it was not")
