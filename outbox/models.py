"""The outbox table and the record of what has been handled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

from django.conf import settings
from django.db import models
from django.db.models import DurationField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Now

from outbox.choices import EventStatus, OutgoingState
from outbox.tuning import PARK_SECONDS
from qhse.uuid7 import uuid7

DUE_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""The `next_attempt_at` of an event that nobody has tried: due by any clock, one that jumped included."""


def longest_wait() -> float:
    """Return the seconds that an event ever waits for its next attempt."""
    return max(settings.OUTBOX_BACKOFF_CAP, PARK_SECONDS)


class OutboxEventQuerySet(models.QuerySet["OutboxEvent"]):
    def pending(self) -> OutboxEventQuerySet:
        return self.filter(status=EventStatus.PENDING)

    def dead(self) -> OutboxEventQuerySet:
        return self.filter(status=EventStatus.DEAD)

    def due(self) -> OutboxEventQuerySet:
        """
        Return pending events whose time has come by the database's clock.

        Hosts' clocks differ and jump. Only the database's is shared by all workers.
        """
        return self.pending().filter(OutboxEvent.is_due())

    def waiting(self) -> OutboxEventQuerySet:
        """Return pending events whose time has not come."""
        return self.pending().exclude(OutboxEvent.is_due())

    def without_predecessor(self) -> OutboxEventQuerySet:
        """Return events that no earlier pending event of their aggregate precedes."""
        predecessor = OutboxEvent.objects.pending().filter(
            aggregate_type=OuterRef("aggregate_type"), aggregate_id=OuterRef("aggregate_id"), id__lt=OuterRef("id")
        )
        return self.filter(~Exists(predecessor))


class OutboxEvent(models.Model):
    """
    One domain event. It is stored in the transaction of the change that it announces.

    Pending: to be handled, at `next_attempt_at` or later. Processed: every handler has run, once. Dead: the attempts
    are used up, or the error said that none would help. Which it was stands in `last_error`. A person requeues a dead
    one, or dismisses it. Dismissed: it is never handled, and that is final. Only the worker and `outbox.services` move
    an event. The columns are those of Debezium's outbox event router where there is a choice. The `event_id` is a
    UUIDv7, so that its index grows at one end.

    Failures are counted in `attempts`. The `headers` hold request_id and actor. They explain the event and are not part
    of the fact.
    """

    event_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    event_type = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField(default=1)
    aggregate_type = models.CharField(max_length=50)
    aggregate_id = models.CharField(max_length=64)
    payload = models.JSONField()
    headers = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=EventStatus.choices, default=EventStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=DUE_AT_ONCE)
    last_error = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    objects = OutboxEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=EventStatus.values),
                name="outbox_event_status_is_known",
                violation_error_message="The status of an outbox event is not one of PENDING, DONE, FAILED, DISMISSED.",
            ),
            models.CheckConstraint(
                condition=Q(status=EventStatus.PROCESSED, processed_at__isnull=False)
                | (~Q(status=EventStatus.PROCESSED) & Q(processed_at__isnull=True)),
                name="outbox_event_processed_has_its_time",
                violation_error_message="A processed event has the time of its processing; no other event has one.",
            ),
            models.CheckConstraint(
                condition=Q(status=EventStatus.DISMISSED, dismissed_at__isnull=False)
                | (~Q(status=EventStatus.DISMISSED) & Q(dismissed_at__isnull=True)),
                name="outbox_event_dismissed_has_its_time",
                violation_error_message="A dismissed event has the time of its dismissal; no other event has one.",
            ),
        )
        indexes = (
            # Partial, so that claiming costs the same beside ten million processed rows as beside none. By type
            # first, because types take turns; by time, because events that wait for a retry must not be read past.
            models.Index(
                fields=("event_type", "next_attempt_at", "id"),
                condition=Q(status=EventStatus.PENDING),
                name="outbox_pending",
            ),
            models.Index(
                # An expression that only this index has. With the plain id the planner may take the primary key or the
                # aggregate's whole history: statistics are never true of a table whose rows are pending for moments.
                "aggregate_id",
                "aggregate_type",
                F("id") + 0,
                condition=Q(status=EventStatus.PENDING),
                name="outbox_pending_by_aggregate",
            ),
            models.Index(fields=("-id",), condition=Q(status=EventStatus.DEAD), name="outbox_dead"),
            models.Index(fields=("-id",), condition=Q(status=EventStatus.DISMISSED), name="outbox_dismissed"),
            models.Index(fields=("event_type", "-id"), name="outbox_by_type"),
            models.Index(fields=("aggregate_type", "aggregate_id", "-id"), name="outbox_by_aggregate"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"

    @property
    def due_from(self) -> datetime:
        """Return since when it is due, or will be: a fresh one since it was published."""
        return max(self.next_attempt_at, self.created_at)

    @property
    def version(self) -> int:
        """Return what every decision about the event and every requeue changes: its `next_attempt_at`, as a number."""
        return (self.next_attempt_at - DUE_AT_ONCE) // timedelta(microseconds=1)

    @staticmethod
    def is_due() -> Q:
        """
        Return whether an event's time has come by the database's clock.

        A time farther off than any wait was set by a clock that was ahead. It counts as come.
        """
        impossible = Now() + Value(timedelta(seconds=longest_wait()), output_field=DurationField())
        return Q(next_attempt_at__lte=Now()) | Q(next_attempt_at__gt=impossible)


class Outgoing(models.Model):
    """
    One event that has to leave by one channel. It is stored in the transaction that decides so, and deleted when gone.

    Narrow, because each event costs one: payload and headers stay in the event's row, which pruning spares meanwhile.
    Rows of one channel and `key` leave in the order of their ids. The `key` stands for the aggregate. Two aggregates
    that share one wait for each other, and nothing else comes of it. One process at a time sends from a `lane`.

    Only a row that WAITs has a `next_attempt_at`. Refusals that are the event's own fault are counted in `attempts`. A
    `replay` above 0 says that somebody sends the event again.
    """

    channel = models.CharField(max_length=40)
    lane = models.PositiveSmallIntegerField()
    key = models.BigIntegerField()
    event = models.BigIntegerField()
    replay = models.BigIntegerField(default=0)
    state = models.PositiveSmallIntegerField(choices=OutgoingState.choices, default=OutgoingState.FRESH)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        default_permissions = ()
        verbose_name = "outgoing message"
        constraints = (
            models.UniqueConstraint(
                fields=("event", "channel", "replay"),
                name="outbox_outgoing_leaves_once",
                violation_error_message="The event is on its way by this channel already.",
            ),
            models.CheckConstraint(
                condition=Q(state=OutgoingState.WAITING, next_attempt_at__isnull=False)
                | (~Q(state=OutgoingState.WAITING) & Q(next_attempt_at__isnull=True)),
                name="outbox_outgoing_waiting_has_its_time",
                violation_error_message="What waits has the time of its next attempt; nothing else has one.",
            ),
        )
        indexes = (
            models.Index(
                # An expression that only this index has, as in `outbox_pending_by_aggregate`.
                "channel",
                "lane",
                F("id") + 0,
                condition=Q(state=OutgoingState.FRESH),
                name="outbox_outgoing_fresh",
            ),
            models.Index(
                fields=("channel", "lane", "next_attempt_at"),
                condition=Q(state=OutgoingState.WAITING),
                name="outbox_outgoing_waiting",
            ),
            models.Index(
                fields=("channel", "key", "id"),
                condition=Q(state__in=(OutgoingState.WAITING, OutgoingState.BEHIND)),
                name="outbox_outgoing_held",
            ),
            models.Index(fields=("-id",), condition=Q(state=OutgoingState.ASIDE), name="outbox_outgoing_aside"),
        )

    def __str__(self) -> str:
        return f"Message {self.pk} to {self.channel}"

    @property
    def version(self) -> int:
        """Return what changes with its state and its error, for pages that ask whether it is still the same."""
        return crc32(f"{self.state}/{self.attempts}/{self.last_error}".encode())


class ProcessedEvent(models.Model):
    """
    One handler has handled one event. The row is inserted in the transaction of the handler's effects, and never again.

    The pair is the primary key. So a second delivery of an event cannot have a second effect. There is no foreign key
    to the outbox, so that inserting a row locks no event. Pruning removes both together.
    """

    pk = models.CompositePrimaryKey("event_id", "handler")
    event_id = models.UUIDField()
    handler = models.CharField(max_length=100)
    processed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.handler} handled {self.event_id}"


class InHand(models.Model):
    """
    What a worker holds now. It is written before the handlers run and outside of their transaction.

    A row's events may still be pending, and not locked any more. Then the worker vanished with them. Its handler ended
    the process, or somebody else did. The conclusion is drawn by `outbox.guards.in_hand`. The `events` are a list of
    [row id, stamp]. With another stamp the event has been decided on or requeued since. The row is then old news. If
    `alone`, there was one event and no other. Then it is known who was at fault.
    """

    worker = models.CharField(max_length=200, primary_key=True)
    events = models.JSONField()
    alone = models.BooleanField()
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{len(self.events)} events in the hands of {self.worker}"


class WorkerSeen(models.Model):
    """
    When a worker's loop last turned, by the database's clock.

    A job of the worker writes it (`outbox.presence`). So it says nothing new while the process is frozen or hangs. One
    that handles what is due and goes has no `started_at`: nobody misses it.
    """

    worker = models.CharField(max_length=200, primary_key=True)
    seen_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.worker} at {self.seen_at}"
