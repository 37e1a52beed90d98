"""What publishing costs a domain write: the same service with its event and without."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import ModuleType
from typing import Any

from django.db import connection

import ncs.services
import suppliers.services
from lab.bench import load
from lab.bench.figures import Figure, compared
from lab.bench.run import Run
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user

SUPPLIERS = 50
ROUNDS = 5


def measure(run: Run) -> Iterator[Figure]:
    """Yield milliseconds of two writes with their event, beside those without."""
    load.begin(run.database, run.sizes.done)
    user = create_user(username="benchmark", password=None, role=Role.ADMIN, actor=None)
    ids = [suppliers.services.create_supplier(name=f"Supplier {n}", actor=user).pk for n in range(SUPPLIERS)]

    def open_nc(number: int) -> None:
        ncs.services.open_nonconformity(
            supplier_id=ids[number % SUPPLIERS], severity="low", description="Lot 4711: bore 12.08 mm", actor=user
        )

    def set_date(number: int) -> None:
        suppliers.services.update_certification(
            supplier_id=ids[number % SUPPLIERS],
            certification_expiry=date(2030, 1, 1) + timedelta(days=number),
            actor=user,
        )

    yield _compared("open an NC", ncs.services, open_nc, run.sizes.publishes)
    yield _compared("set a certification date", suppliers.services, set_date, run.sizes.publishes)
    connection.close()


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
