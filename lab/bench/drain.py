"""How fast a backlog is handled, and at what CPU time, by handlers of both forms, beside the raw loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from tqdm import tqdm

from lab.bench import load, raw_worker
from lab.bench.crew import Crew, bare_crew, cpu_seconds, cpu_since, product_crew, raw_crew
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.subject import FORMS
from lab.database import Database

RAW = "raw"
BARE = {form: f"raw loop with a {form}" for form in FORMS}
TARGETS = {
    ("set-based", 100, 1): 0.6,
    ("set-based", 100, 2): 0.7,
    ("per-event", 100, 1): 0.17,
    ("per-event", 100, 2): 0.28,
}
SECOND_WORKER = 1.7

Side = tuple[Database, Crew]


class Drained(NamedTuple):
    """One drain. `cpu_microseconds` is what the workers and the server spent on each event."""

    per_second: float
    cpu_microseconds: float


Drains = dict[tuple[str, int], list[Drained]]
"""Kind and number of workers → the drain of each round."""


def measure(run: Run) -> Iterator[Figure]:
    """Yield events per second and CPU time per event, for each form, batch size and number of workers."""
    ours, raw = run.database, run.second_database
    raw_worker.prepare(raw)
    for database in (ours, raw):
        load.begin(database, run.sizes.done)
    most = max(run.sizes.workers)
    with ExitStack() as stack:
        crews = {RAW: (raw, stack.enter_context(raw_crew(raw, size=most)))}
        for form in FORMS:
            crews[form] = (ours, stack.enter_context(product_crew(form, ours, size=most)))
            crews[BARE[form]] = (raw, stack.enter_context(bare_crew(form, raw, size=most)))
        for side in crews.values():
            _drain(run, side, workers=most, batch_size=10, events=run.sizes.small_backlog)  # warms up, counts nothing
        for batch_size in run.sizes.batch_sizes:
            yield from _figures(batch_size, run.sizes.workers, _drains(run, crews, batch_size))


def _drains(run: Run, crews: dict[str, Side], batch_size: int) -> Drains:
    drains: Drains = defaultdict(list)
    kinds = list(crews)
    # All of a batch size in one round, so that one and two workers meet the same noise as well.
    rounds = [(workers, kind) for _ in range(run.sizes.rounds) for workers in run.sizes.workers for kind in kinds]
    for workers, kind in tqdm(rounds, desc=f"drain, batch {batch_size}", disable=None):
        events = run.sizes.events(batch_size)
        drains[kind, workers].append(_drain(run, crews[kind], workers=workers, batch_size=batch_size, events=events))
    return drains


def _drain(run: Run, side: Side, *, workers: int, batch_size: int, events: int) -> Drained:
    database, crew = side
    load.remove_backlog(database, run.sizes.done)
    load.add_backlog(database, events)
    processes = [run.server.pid, *crew.pids]
    cpu_before = cpu_seconds(*processes)
    told_at, _ = crew.drain(workers=workers, batch_size=batch_size)
    cpu = cpu_since(cpu_before, *processes)
    return Drained(events / (load.check_and_time(database, events=events) - told_at), cpu / events * 1e6)


def _figures(batch_size: int, numbers: tuple[int, ...], drains: Drains) -> Iterator[Figure]:
    rates = {key: [drained.per_second for drained in rounds] for key, rounds in drains.items()}
    cpu = {key: [drained.cpu_microseconds for drained in rounds] for key, rounds in drains.items()}
    for kind in (*FORMS, *BARE.values()):
        for workers in numbers:
            bound = TARGETS.get((kind, batch_size, workers))
            name = f"{kind} handler, batch {batch_size}, {workers} worker{'s' if workers > 1 else ''}"
            theirs = rates[RAW, workers]
            target = Target("≥", bound, "ratio") if bound else None
            yield compared("drain", f"{name}, beside raw", "events/s", rates[kind, workers], theirs, target=target)
            spent = f"CPU of worker and server, {name}, beside raw"
            yield compared("drain", spent, "µs/event", cpu[kind, workers], cpu[RAW, workers])
    if not {1, 2} <= set(numbers):
        return
    for kind in (*FORMS, RAW):
        target = Target("≥", SECOND_WORKER, "ratio") if kind != RAW and batch_size == 100 else None
        name = f"{kind}, batch {batch_size}, two workers beside one"
        yield compared("drain", name, "events/s", rates[kind, 2], rates[kind, 1], target=target)
