"""The outbox seen from outside: depth, age, speed, the dead, and whether workers live."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Greatest, Least, Now

from outbox.choices import EventStatus
from outbox.events import event_types
from outbox.models import OutboxEvent, OutboxEventQuerySet, WorkerSeen
from qhse.queries import WrittenQuery

LATE_SECONDS = 60.0
"""The workers' lag from which on people are told of it."""
SEEN_EVERY_SECONDS = 20.0
"""
The interval at which a worker gives a sign of life. Each is a transaction: an idle worker may take half a one a second,
and takes 0.4 without it. A multiple of the sealing's 10 s, so that it wakes for both at once.
"""
SIGNS_LOOKED_AT = 100
"""So many of the latest signs are looked at to tell which workers are missing."""
RATE_MINUTES = (1, 5, 60)
RATE_SAMPLE = 50_000


@dataclass(slots=True)
class OutboxStatus:
    """
    Counts and ages at one moment, by the database's clock.

    Pending events are due or `waiting`. A waiting one has a later time, for a retry or for code that knows its type. Of
    the pending ones, `unknown` have no event class in this code. The age of the oldest pending event, whatever it waits
    for, is `oldest_pending_seconds`. The first due event became due `oldest_due_seconds` ago. That is the workers' lag.
    Both are null when there is no such event.
    """

    pending: int = 0
    due: int = 0
    waiting: int = 0
    unknown: int = 0
    dead: int = 0
    oldest_pending_seconds: float | None = None
    oldest_due_seconds: float | None = None
    by_type: dict[str, dict[str, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rate:
    """Events processed in each of the last `minutes`, on average. With `at_least` it may have been more."""

    minutes: int
    per_minute: float
    at_least: bool


@dataclass(frozen=True, slots=True)
class DeadOfType:
    """How many events of a type are dead. The newest is the one that was published last."""

    event_type: str
    number: int
    newest: OutboxEvent


def outbox_status() -> OutboxStatus:
    """
    Return the state of the outbox. It is one query on the partial indexes. So its cost does not grow with history.
    """
    status = OutboxStatus()
    rows = _undone_by_type.rows()
    for state, event_type, number, due, oldest, longest_due, _ in rows:
        of_type = status.by_type.setdefault(event_type, {"pending": 0, "dead": 0})
        if state == EventStatus.DEAD:
            of_type["dead"] = number
            status.dead += number
            continue
        of_type["pending"] = number
        status.pending += number
        status.due += due
        status.waiting += number - due
        if event_type not in event_types:
            status.unknown += number
        now = rows[0][-1]  # one moment for every age: the lag is then never above the age of the oldest
        status.oldest_pending_seconds = _older(status.oldest_pending_seconds, now - oldest)
        if longest_due is not None:
            status.oldest_due_seconds = _older(status.oldest_due_seconds, now - longest_due)
    return status


def _by_type(events: OutboxEventQuerySet) -> Any:
    is_due = OutboxEvent.is_due()
    return (
        events.order_by()
        .values_list("status", "event_type")
        .annotate(
            number=Count("id"),
            due=Count("id", filter=is_due),
            oldest=Min("created_at"),
            # An impossible time counts as come, and the driver may not even be able to read it.
            longest_due=Min(Least(Greatest("next_attempt_at", "created_at"), Now()), filter=is_due),
            now=Now(),
        )
    )


# One half for each index. PostgreSQL would answer `status IN (…)` by reading the whole table.
_undone_by_type = WrittenQuery(
    lambda: _by_type(OutboxEvent.objects.pending()).union(_by_type(OutboxEvent.objects.dead()), all=True)
)


@dataclass(frozen=True, slots=True)
class UndoneEvents:
    """What of `outbox_status` the key figures need. With many pending ones it costs a fifth of that."""

    pending: int
    dead: int
    oldest_pending_seconds: float | None


def undone_events(*, using: str = "default") -> UndoneEvents:
    """Return how many events are pending and dead, and the age of the oldest pending one."""
    found = {status: (number, oldest) for status, number, oldest in _undone.rows(using=using)}
    pending, oldest = found.get(EventStatus.PENDING.value, (0, None))
    dead, _ = found.get(EventStatus.DEAD.value, (0, None))
    return UndoneEvents(pending, dead, _older(None, oldest))


def _number_of(events: OutboxEventQuerySet) -> Any:
    return events.order_by().values_list("status").annotate(number=Count("id"), oldest=Now() - Min("created_at"))


_undone = WrittenQuery(
    lambda: _number_of(OutboxEvent.objects.pending()).union(_number_of(OutboxEvent.objects.dead()), all=True)
)


def pending_values(
    event_types: tuple[str, ...], keys: tuple[str, ...], *, at_most: int
) -> list[tuple[str | None, ...]]:
    """
    Return what the payloads of pending events of these types have under these keys, as text; None where there is none.

    It stops at so many events, whichever they are. As JSON, 500 events would cost each reader 2 ms more.
    """
    return _values_of(event_types, keys).page(at_most, 0)


@cache
def _values_of(event_types: tuple[str, ...], keys: tuple[str, ...]) -> WrittenQuery:
    pending = OutboxEvent.objects.pending().filter(event_type__in=event_types).order_by()
    return WrittenQuery(lambda: pending.values_list(*(KT(f"payload__{key}") for key in keys)))


def _older(known: float | None, age: timedelta | None) -> float | None:
    if age is None:
        return known
    return max(known or 0.0, round(age.total_seconds(), 3))


def processing_rates() -> list[Rate]:
    """
    Return how fast events were processed over the last RATE_MINUTES.

    It counts among the RATE_SAMPLE processed events that were published last. No index holds the time of processing.
    Workers take the oldest events first. So these are also the ones that were processed last. The cost grows with the
    backlog, which is read past. It never grows with history.
    """
    sample = OutboxEvent.objects.filter(status=EventStatus.PROCESSED).order_by("-id").values("processed_at")
    counts = sample[:RATE_SAMPLE].aggregate(
        **{
            f"in_{minutes}": Count("processed_at", filter=Q(processed_at__gt=Now() - timedelta(minutes=minutes)))
            for minutes in RATE_MINUTES
        }
    )
    return [
        Rate(minutes, counts[f"in_{minutes}"] / minutes, at_least=counts[f"in_{minutes}"] == RATE_SAMPLE)
        for minutes in RATE_MINUTES
    ]


def dead_by_type() -> list[DeadOfType]:
    """Return the types that have dead events. Those with the most come first."""
    groups = OutboxEvent.objects.dead().order_by().values_list("event_type").annotate(Count("id"), Max("id"))
    found = {newest: number for _, number, newest in groups}
    newest_ones = OutboxEvent.objects.filter(pk__in=found).defer("payload", "headers")
    dead = [DeadOfType(event.event_type, found[event.pk], event) for event in newest_ones]
    return sorted(dead, key=lambda each: (-each.number, each.event_type))


@dataclass(frozen=True, slots=True)
class SilentWorker:
    """A worker that gave its last sign so many seconds ago. The name begins with its host and process."""

    worker: str
    seconds: float

    @property
    def place(self) -> str:
        """Return where it ran, for people: the host and the process."""
        host, _, process = self.worker.rpartition("-")[0].rpartition("-")
        return f"{host}, process {process}"


@dataclass(frozen=True, slots=True)
class Workers:
    """
    What workers have said of themselves. `living` have given a sign of life lately. The last sign of any worker was
    `seen_seconds` ago. It is null when there was none for a day. The `silent` should live, and give no sign: they are
    frozen, hang, or were killed and not started again.
    """

    living: int
    seen_seconds: float | None
    silent: tuple[SilentWorker, ...] = ()

    @property
    def complaint(self) -> str:
        """Say what is wrong, as the end of a sentence. Empty when all is well."""
        if not self.living:
            return "never seen" if self.seen_seconds is None else f"not seen for {self.seen_seconds:.0f} s"
        if not self.silent:
            return ""
        longest = max(each.seconds for each in self.silent)
        return f"{len(self.silent)} of {self.living + len(self.silent)} not seen for {longest:.0f} s"


def workers() -> Workers:
    """
    Return which workers live, by the database's clock. It is one query on a table with a row for each worker, and a
    second one if some are silent.

    A sign from the future proves nothing: the clock was set back, and a worker that lives replaces it soon.
    """
    seen = WorkerSeen.objects.filter(seen_at__lte=Now())
    lives = Q(seen_at__gte=Now() - timedelta(seconds=allowed_silence()))
    figures = seen.aggregate(
        living=Count("worker", filter=lives),
        silent=Count("worker", filter=~lives & Q(started_at__isnull=False)),
        ago=Now() - Max("seen_at"),
    )
    silent = _not_replaced(seen.filter(started_at__isnull=False)) if figures["silent"] else ()
    return Workers(figures["living"], _older(None, figures["ago"]), silent)


def _not_replaced(signs: QuerySet[WorkerSeen]) -> tuple[SilentWorker, ...]:
    """
    Return those that are silent, and in whose place none was started since.

    A worker that was killed leaves a sign, and so does the one that its service manager starts instead. Each start
    stands for the latest end before it.
    """
    latest = list(signs.annotate(ago=Now() - F("seen_at")).order_by("-seen_at")[:SIGNS_LOOKED_AT])
    allowed = timedelta(seconds=allowed_silence())
    silent = sorted((sign for sign in latest if sign.ago > allowed), key=attrgetter("seen_at"))
    for start in sorted(sign.started_at for sign in latest if sign.started_at):
        earlier = [sign for sign in silent if sign.seen_at < start]
        if earlier:
            silent.remove(earlier[-1])
    return tuple(SilentWorker(sign.worker, round(sign.ago.total_seconds(), 1)) for sign in silent)


def allowed_silence() -> float:
    """
    Return the seconds without a sign of life from which on a worker counts as lost. By default it is a minute.

    A worker gives signs between batches. The longest pause of a healthy one is its interval, a batch that fails and is
    done again, each of up to 5 s and one call of a handler, and some time for other jobs.
    """
    return SEEN_EVERY_SECONDS + 2 * (5.0 + settings.OUTBOX_HANDLER_TIMEOUT) + 10.0
