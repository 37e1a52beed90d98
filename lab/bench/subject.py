"""What the benchmarks' handlers leave, in either form: one effect row for each event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from django.db import models

from lab.gauge import GaugeRead
from outbox.events import register
from outbox.registry import Delivery, handles, handles_batch

register(GaugeRead)

HANDLER = "benchmark.keep_reading"
AGGREGATES = 1_000

FORMS = ("per-event", "set-based")


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


def subscribe(form: str, *, before_each_call: Callable[[], None] | None = None) -> None:
    """Register the handler in one of FORMS, once in a process."""

    def one(delivery: Delivery) -> None:
        if before_each_call:
            before_each_call()
        keep_reading(delivery)

    def many(deliveries: Sequence[Delivery]) -> None:
        if before_each_call:
            before_each_call()
        keep_readings(deliveries)

    if form == "set-based":
        handles_batch(GaugeRead, name=HANDLER)(many if before_each_call else keep_readings)
    else:
        handles(GaugeRead, name=HANDLER)(one if before_each_call else keep_reading)
