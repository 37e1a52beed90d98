"""
What publishing costs: a domain write with its event and without, and many writers with their notifications and without.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import psycopg
from django.db import connection, transaction

import ncs.services.cases
import outbox.publisher
import suppliers.services.suppliers
from lab.bench import load
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.subject import AGGREGATES
from lab.gauge import GaugeRead
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from qhse.wakeup import CHANNEL

SUPPLIERS = 50
ROUNDS = 5
WRITERS = (1, 4, 16)
START_SECONDS = 60.0
AMONG_MANY = Target("≥", 0.75, "ratio")


def measure(run: Run) -> Iterator[Figure]:
    """Yield milliseconds of two writes beside those without an event, and rates of writers beside those in silence."""
    load.begin(run.database, run.sizes.done)
    user = create_user(username="benchmark", password=None, role=Role.ADMIN, actor=None)
    ids = [suppliers.services.suppliers.create_supplier(name=f"Supplier {n}", actor=user).pk for n in range(SUPPLIERS)]

    def open_nc(number: int) -> None:
        ncs.services.cases.open_nonconformity(
            supplier_id=ids[number % SUPPLIERS], severity="low", description="Lot 4711: bore 12.08 mm", actor=user
        )

    def set_date(number: int) -> None:
        suppliers.services.suppliers.update_certification(
            supplier_id=ids[number % SUPPLIERS],
            certification_expiry=date(2030, 1, 1) + timedelta(days=number),
            actor=user,
        )

    yield _compared("open an NC", ncs.services.cases, open_nc, run.sizes.publishes)
    yield _compared("set a certification date", suppliers.services.suppliers, set_date, run.sizes.publishes)
    connection.close()
    with psycopg.connect(run.database.url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")  # somebody hears it, as in production
        for writers in WRITERS:
            rates: dict[bool, list[float]] = {True: [], False: []}
            for turn in range(run.sizes.rounds):
                for notifying in random.Random(turn).sample((True, False), 2):
                    rates[notifying].append(_rate(writers, run.sizes.publish_seconds, notifying=notifying))
                    listener.execute("SELECT 1")  # takes what has arrived
            name = f"{writers} writers, notifying, beside the same in silence"
            target = AMONG_MANY if writers == max(WRITERS) else None
            yield compared("publish", name, "events/s", rates[True], rates[False], target=target)


def _rate(writers: int, seconds: float, *, notifying: bool) -> float:
    """Return the events a second that so many processes publish, each event in a transaction of its own."""
    fork = multiprocessing.get_context("fork")  # Django has no connection open that the children would share
    pool = fork.Pool(writers, _prepare_writer, (fork.Barrier(writers), notifying))
    try:
        return sum(pool.map(_write, [seconds] * writers, chunksize=1))
    finally:
        pool.close()
        pool.join()


_ready: Any = None


def _prepare_writer(ready: Any, notifying: bool) -> None:
    global _ready
    _ready = ready
    if not notifying:
        outbox.publisher.__dict__["wake_workers"] = lambda: None


def _write(seconds: float) -> float:
    _publish_one(0)  # connects
    _ready.wait(START_SECONDS)
    started, number = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        number += 1
        _publish_one(number)
    return number / (time.monotonic() - started)


def _publish_one(number: int) -> None:
    with transaction.atomic():
        outbox.publisher.publish(GaugeRead(gauge=str(number % AGGREGATES), position=number), actor=None)


def _compared(name: str, module: ModuleType, write: Callable[[int], None], writes: int) -> Figure:
    published: Any = module.__dict__["publish"]
    spent: dict[bool, list[float]] = {True: [], False: []}
    order = random.Random(4711)
    for pair in range(writes):
        for with_event in order.sample((True, False), 2):
            module.__dict__["publish"] = published if with_event else _publish_nothing
            started = time.perf_counter()
            write(2 * pair + with_event)
            spent[with_event].append((time.perf_counter() - started) * 1000)
    module.__dict__["publish"] = published
    return compared("publish", f"{name}, with its event, beside the same write without", "ms", *_in_rounds(spent))


def _in_rounds(spent: dict[bool, list[float]]) -> Iterator[list[float]]:
    """Yield the medians of ROUNDS parts of the run, with the event and without. Single writes vary too much."""
    for with_event in (True, False):
        each = spent[with_event]
        yield [statistics.median(each[part::ROUNDS]) for part in range(ROUNDS)]


def _publish_nothing(event: object, **options: object) -> None:
    """Stand in for `outbox.publisher.publish`."""
