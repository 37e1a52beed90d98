"""What every benchmark handles: one event type, one effect row for each event, and the two forms of a handler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.db import models

from outbox.events import DomainEvent, register
from outbox.registry import Delivery, handles, handles_batch

HANDLER = "benchmark.keep_reading"
AGGREGATES = 1_000

FORMS = ("per-event", "set-based")


@register
@dataclass(frozen=True, kw_only=True)
class MeterRead(DomainEvent):
    """A meter has been read."""

    event_type: ClassVar[str] = "BENCHMARK_METER_READ"
    aggregate_type: ClassVar[str] = "meter"
    aggregate_id_field: ClassVar[str] = "meter_id"

    meter_id: int
    reading: int


class Effect(models.Model):
    """
    The effect of one event.

    It belongs to no installed app, so the product knows neither the model nor its table, which `lab.bench.server`
    makes in a database of its own.
    """

    event_id = models.UUIDField()
    meter_id = models.BigIntegerField()
    reading = models.IntegerField()

    objects: ClassVar[models.Manager[Effect]] = models.Manager()

    class Meta:
        app_label = "outbox"
        managed = False
        db_table = "benchmark_effect"

    def __str__(self) -> str:
        return f"reading {self.reading} of meter {self.meter_id}"


def keep_reading(delivery: Delivery) -> None:
    event = delivery.event
    assert isinstance(event, MeterRead)
    Effect.objects.create(event_id=delivery.event_id, meter_id=event.meter_id, reading=event.reading)


def keep_readings(deliveries: Sequence[Delivery]) -> None:
    Effect.objects.bulk_create(_effect(delivery) for delivery in deliveries)


def _effect(delivery: Delivery) -> Effect:
    event = delivery.event
    assert isinstance(event, MeterRead)
    return Effect(event_id=delivery.event_id, meter_id=event.meter_id, reading=event.reading)


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
        handles_batch(MeterRead, name=HANDLER)(many if before_each_call else keep_readings)
    else:
        handles(MeterRead, name=HANDLER)(one if before_each_call else keep_reading)
