"""What the benchmarks' handlers leave, in either form: one effect row for each event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, cast

from django.db import models

from lab.gauge import GaugeRead
from outbox.events import DomainEvent, register
from outbox.registry import Delivery, handles, handles_batch

register(GaugeRead)

HANDLER = "benchmark.keep_reading"
AGGREGATES = 1_000

FORMS = ("per-event", "set-based")

KINDS = 20
SHARED, OWN, FAILING = "BENCH_SHARED_", "BENCH_OWN_", "BENCH_FAILING_"
"""What event types begin with that one handler has in common, that have a handler each, and whose handler fails."""


class Effect(models.Model):
    """
    The effect of one event.

    It belongs to no installed app. So the product knows neither the model nor its table, which `lab.bench.load` makes.
    """

    event_id = models.UUIDField()
    gauge = models.TextField()
    position = models.BigIntegerField()

    objects: ClassVar[models.Manager[Effect]] = models.Manager()

    class Meta:
        app_label = "outbox"
        managed = False
        db_table = "benchmark_effect"

    def __str__(self) -> str:
        return f"position {self.position} of gauge {self.gauge}"


def keep_reading(delivery: Delivery) -> None:
    event = delivery.event
    assert isinstance(event, GaugeRead)
    Effect.objects.create(event_id=delivery.event_id, gauge=event.gauge, position=event.position)


def keep_readings(deliveries: Sequence[Delivery]) -> None:
    Effect.objects.bulk_create(_effect(delivery) for delivery in deliveries)


def _effect(delivery: Delivery) -> Effect:
    event = delivery.event
    assert isinstance(event, GaugeRead)
    return Effect(event_id=delivery.event_id, gauge=event.gauge, position=event.position)


def fail(delivery: Delivery) -> None:
    raise ValueError("this handler always fails")


def _kinds(prefix: str) -> list[type[DomainEvent]]:
    """Register KINDS event types that differ from GaugeRead in nothing but their names."""
    names = [f"{prefix}{number}" for number in range(KINDS)]
    return [register(cast("type[DomainEvent]", type(name, (GaugeRead,), {"event_type": name}))) for name in names]


def subscribe(form: str, *, kinds: bool) -> None:
    """Register the handlers in one of FORMS, once in a process. With `kinds` those of the further types as well."""
    handle = handles_batch if form == "set-based" else handles
    keep: Callable[..., None] = keep_readings if form == "set-based" else keep_reading
    handle(GaugeRead, *(_kinds(SHARED) if kinds else ()), name=HANDLER)(keep)
    if kinds:
        handles(*_kinds(FAILING), name="benchmark.fail")(fail)
        for kind in _kinds(OWN):
            handle(kind, name=f"{HANDLER}.{kind.event_type}")(partial(keep))
