"""
The drain and the claim in unusual set-ups, beside the plain one.

A handler's work is the same in all of them. So what a set-up costs is the engine's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from tqdm import tqdm

from lab.bench import load
from lab.bench.crew import Crew, product_crew
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.sizes import Sizes
from lab.bench.subject import AGGREGATES, FAILING, FORMS, OWN, SHARED
from lab.database import Database
from lab.percentile import percentile

BATCH_SIZE = 100
SECONDS = 60.0
BESIDE_PLAIN = Target("≥", 0.8, "ratio")
CLAIM = Target("≤", 10.0, "value")
FOLLOWERS = 5
WAITING_SHARE = 0.8
LONG_DUE = "to_timestamp(0)"  # before everything else, so that a claim by age meets these first
ROUNDS = 3  # at most, for they are many
AT_ONCE = "set-based"  # the form in which a claim is the greatest share of a batch


class Measured(NamedTuple):
    """One drain: events handled in a second, and milliseconds of each claim."""

    per_second: float
    claims: list[float]


@dataclass(frozen=True, slots=True)
class SetUp:
    """
    What a drain meets. `obstacle` puts events there before the backlog; returns how many of these stay, and come to it.

    `jit`: PostgreSQL's default. The others are measured without, so that each differs in one thing.
    """

    name: str
    aggregates: int = AGGREGATES
    kinds: str = ""
    snapshot: bool = False
    jit: bool = False
    obstacle: Callable[[Database, Sizes], tuple[int, int]] | None = None
    target: Target | None = BESIDE_PLAIN


PLAIN = SetUp("plain")


def set_ups(sizes: Sizes) -> list[SetUp]:
    """Return those that are drained to the end, by handlers of both forms."""
    return [
        *(SetUp(f"{number:,} aggregates", aggregates=number) for number in sizes.aggregates),
        SetUp("20 types, one handler", kinds=SHARED),
        # A batch handler is called for each type: no engine makes that as fast as one call for all.
        SetUp("20 types, a handler for each", kinds=OWN, target=None),
        SetUp("snapshot held", snapshot=True),
        SetUp("jit on", jit=True),
        *(
            SetUp(f"jit on, {n:,} aggregates", aggregates=n, jit=True)
            for n in (sizes.aggregates[0], sizes.aggregates[-1])
        ),
    ]


def obstacles(sizes: Sizes) -> list[SetUp]:
    """Return those in which a claim meets what it cannot have."""
    return [
        SetUp(f"a head that waits before {sizes.waiting:,} due events", obstacle=_waiting_head),
        SetUp(
            f"{sizes.under_snapshot:,} events of one aggregate handled under a held snapshot",
            snapshot=True,
            obstacle=_handled_under_snapshot,
        ),
    ]


def measure(run: Run) -> Iterator[Figure]:
    """Yield rates beside the plain drain, and percentiles of the claim's time, for each set-up."""
    plain, with_jit = run.database, run.second_database
    run.admin.execute(f'ALTER DATABASE "{plain.name}" SET jit = off')
    for database in (plain, with_jit):
        load.begin(database, run.sizes.done)
    for form in FORMS:
        several = set_ups(run.sizes) + (obstacles(run.sizes) if form == AT_ONCE else [])
        with ExitStack() as stack:
            crews = {
                database.name: stack.enter_context(
                    product_crew(form, database, claims=True, kinds=True, seconds=SECONDS)
                )
                for database in (plain, with_jit)
            }
            yield from _figures(form, several, _rounds(run, form, several, crews))
    yield from _failing(run)
    run.admin.execute(f'ALTER DATABASE "{plain.name}" RESET jit')


def _rounds(run: Run, form: str, several: list[SetUp], crews: dict[str, Crew]) -> dict[str, list[Measured]]:
    """Return the drains of each set-up by its name."""
    drains: dict[str, list[Measured]] = defaultdict(list)
    for database in (run.database, run.second_database):
        _drain(run, SetUp("warms up", jit=database is run.second_database), crews)
    rounds = [set_up for _ in range(min(ROUNDS, run.sizes.rounds)) for set_up in (PLAIN, *several)]
    for set_up in tqdm(rounds, desc=f"set-ups, {form}", disable=None):
        drains[set_up.name].append(_drain(run, set_up, crews))
    return drains


def _drain(run: Run, set_up: SetUp, crews: dict[str, Crew]) -> Measured:
    database = run.second_database if set_up.jit else run.database
    load.remove_backlog(database, run.sizes.done)
    with database.snapshot_held() if set_up.snapshot else nullcontext():
        left, more = set_up.obstacle(database, run.sizes) if set_up.obstacle else (0, 0)
        load.add_backlog(database, run.sizes.backlog, aggregates=set_up.aggregates, kinds=set_up.kinds)
        told_at, answers = crews[database.name].drain(workers=1, batch_size=BATCH_SIZE)
        ended_at = time.time()
    (effects,) = database.row("SELECT count(*) FROM benchmark_effect")
    events = run.sizes.backlog + more
    last = load.check_and_time(database, events=effects, left=left + events - effects) if effects else ended_at
    ended_at = last if effects == events else ended_at
    return Measured(effects / (ended_at - told_at), list(chain.from_iterable(answers)))


def _figures(form: str, several: list[SetUp], drains: dict[str, list[Measured]]) -> Iterator[Figure]:
    plain = [measured.per_second for measured in drains[PLAIN.name]]
    for set_up in several:
        rates = [measured.per_second for measured in drains[set_up.name]]
        name = f"drain, {form} handler, {set_up.name}, beside plain"
        yield compared("setups", name, "events/s", rates, plain, target=set_up.target)
    if form == AT_ONCE:
        beside = _claims(drains[PLAIN.name])
        for set_up in several:
            yield from _claim_figures(set_up.name, _claims(drains[set_up.name]), beside)


def _claims(drains: list[Measured]) -> list[float]:
    return list(chain.from_iterable(measured.claims for measured in drains))


def _claim_figures(name: str, claims: list[float], beside: list[float] | None = None) -> Iterator[Figure]:
    for percent, target in ((50.0, None), (95.0, CLAIM)):
        value = percentile(claims, percent)
        of_plain = percentile(beside, percent) if beside else None
        ratio = value / of_plain if of_plain else None
        yield Figure(
            "setups", f"claim of {BATCH_SIZE} p{percent:g}, {name}", value, "ms", of_plain, ratio=ratio, target=target
        )


def _waiting_head(database: Database, sizes: Sizes) -> tuple[int, int]:
    due = f"CASE WHEN i = 1 THEN now() + interval '50 minutes' ELSE {LONG_DUE} END"
    load.insert(database, sizes.waiting + 1, {"aggregate_id": "'waiting'", "next_attempt_at": due})
    return sizes.waiting + 1, 0


def _handled_under_snapshot(database: Database, sizes: Sizes) -> tuple[int, int]:
    one = {"aggregate_id": "'one'"}
    load.insert(database, sizes.under_snapshot, one)
    database.execute("UPDATE outbox_outboxevent SET status = 'DONE', processed_at = now() WHERE status = 'PENDING'")
    more = sizes.under_snapshot // 20
    load.insert(database, more, one)
    return 0, more


def _failing(run: Run) -> Iterator[Figure]:
    """
    Yield the claim's time while a handler fails for every event of its type, in the midst of that.

    Of most aggregates the head waits for its retry. The others' retries are due, later than all followers.
    """
    database, aggregates = run.database, run.sizes.failing
    load.remove_backlog(database, run.sizes.done)
    load.insert(
        database,
        aggregates * (1 + FOLLOWERS),
        {
            "event_type": f"'{FAILING}0'",
            "aggregate_id": f"'failing-' || i %% {aggregates}",
            "next_attempt_at": f"CASE WHEN i <= {aggregates} * {WAITING_SHARE} THEN now() + interval '50 minutes' "
            f"WHEN i <= {aggregates} THEN now() ELSE {LONG_DUE} END",
            "attempts": f"CASE WHEN i <= {aggregates} THEN 1 ELSE 0 END",
        },
    )
    load.settle(database)
    with product_crew(AT_ONCE, database, claims=True, kinds=True, seconds=run.sizes.failing_seconds) as crew:
        _, answers = crew.drain(workers=1, batch_size=BATCH_SIZE)
    load.remove_backlog(database, run.sizes.done)
    name = f"{aggregates:,} aggregates with {FOLLOWERS} followers each whose handler fails"
    yield from _claim_figures(name, list(chain.from_iterable(answers)))
