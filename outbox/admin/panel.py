"""The state of the outbox at a glance. It stands above the list of events in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.words import what_happened
from outbox.choices import EventStatus, OutgoingState
from outbox.leaving import LeavingStatus, leaving_status
from outbox.models import OutboxEvent
from outbox.selectors import (
    LATE_SECONDS,
    DeadOfType,
    OutboxStatus,
    Rate,
    Workers,
    dead_by_type,
    outbox_status,
    processing_rates,
    workers,
)  # fmt: skip
from qhse.adminsite.display import NONE, Tile, link

ERROR_EXCERPT = 120  # characters


def outbox_panel() -> dict[str, Any]:
    """Return what `outbox/event_list.html` shows. It asks the database eight times, whatever the number of events."""
    status = outbox_status()
    return {
        "tiles": [
            *_depth(status),
            *_ages(status),
            _speed(processing_rates()),
            _alive(workers()),
            *_leaving(leaving_status()),
        ],
        "dead": _dead_panel(dead_by_type()) if status.dead else None,
    }


def _depth(status: OutboxStatus) -> list[Tile]:
    tiles = [
        Tile(f"{status.pending:,}", "events pending", url=_list_of(status=EventStatus.PENDING)),
        Tile(f"{status.due:,}", "due now"),
        Tile(f"{status.waiting:,}", "waiting for their next attempt", "warn" if status.waiting else ""),
        Tile(f"{status.dead:,}", "dead", "bad" if status.dead else "", _list_of(status=EventStatus.DEAD)),
    ]
    if status.unknown:
        tiles.append(Tile(f"{status.unknown:,}", "of a type that this code does not know", "warn"))
    return tiles


def _ages(status: OutboxStatus) -> list[Tile]:
    lag = status.oldest_due_seconds
    return [
        Tile(span(status.oldest_pending_seconds), "age of the oldest pending event"),
        Tile(span(lag), "longest time that an event has been due", "warn" if (lag or 0) > LATE_SECONDS else ""),
    ]


def _speed(rates: list[Rate]) -> Tile:
    latest, *longer = rates
    averages = ", ".join(f"over {each.minutes} minutes {_rate(each)}" for each in longer)
    return Tile(f"{_rate(latest)} / min", f"processed; {averages}")


def _alive(seen: Workers) -> Tile:
    last = "never" if seen.seen_seconds is None else f"{span(seen.seen_seconds)} ago"
    tone = "bad" if not seen.living else "warn" if seen.silent else ""
    of = f" of {seen.living + len(seen.silent):,}" if seen.silent else ""
    return Tile(f"{seen.living:,}{of}", f"workers live; the last sign of one: {last}", tone)


def _leaving(status: LeavingStatus) -> list[Tile]:
    """Return what has to leave for other systems, where anything does or did."""
    if not (settings.BROKER_URL or status.waiting or status.put_aside or status.relays):
        return []
    age = f", the oldest for {span(status.oldest_seconds)}" if status.waiting else ""
    messages = reverse("admin:outbox_outgoing_changelist")
    tiles = [
        Tile(f"{status.waiting:,}", f"messages to other systems wait{age}", "warn" if status.is_late else "", messages),
        Tile(f"{status.relays:,}", "relays connected", "" if status.relays else "bad"),
    ]
    if status.put_aside:
        aside = f"{messages}?state__exact={OutgoingState.ASIDE}"
        tiles.append(Tile(f"{status.put_aside:,}", "messages are put aside, and wait for an operator", "bad", aside))
    return tiles


def _dead_panel(dead: list[DeadOfType]) -> dict[str, Any]:
    return {
        "id": "dead",
        "title": "Dead events by type",
        "columns": ("What happened", "Dead", "Error of the newest", ""),
        "rows": [
            (
                what_happened(each.event_type),
                f"{each.number:,}",
                _error(each.newest),
                link(_list_of(status=EventStatus.DEAD, event_type=each.event_type), "Show and decide"),
            )
            for each in dead
        ],
    }


def _error(event: OutboxEvent) -> SafeString:
    url = reverse("admin:outbox_outboxevent_change", args=(event.pk,))
    return format_html('<div class="change">{}</div>', link(url, first_line(event.last_error)))


def _list_of(*, status: EventStatus, event_type: str = "") -> str:
    query = {"status__exact": status.value} | ({"event_type": event_type} if event_type else {})
    return reverse("admin:outbox_outboxevent_changelist", query=query)


def _rate(rate: Rate) -> str:
    number = f"{rate.per_minute:,.0f}" if rate.per_minute >= 10 else f"{rate.per_minute:.2g}"
    return f"≥ {number}" if rate.at_least else number


def first_line(error: str) -> str:
    """Return what kind of error it was. The traceback stands on the event's page."""
    return error.partition("\n")[0][:ERROR_EXCERPT] or NONE


def span(seconds: float | None) -> str:
    """Return a length of time in one unit. It is the largest that leaves at least two."""
    if seconds is None:
        return "–"
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
