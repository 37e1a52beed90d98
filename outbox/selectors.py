"""What the outbox looks like from outside: depth, age, the dead."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.models import OutboxEvent


@dataclass(slots=True)
class OutboxStatus:
    """Counts at one moment. `oldest_pending_seconds` is null when nothing is pending."""

    pending: int = 0
    due: int = 0
    dead: int = 0
    oldest_pending_seconds: float | None = None
    by_type: dict[str, dict[str, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def outbox_status() -> OutboxStatus:
    """Return the state of the outbox, read from the partial indexes: its cost does not grow with history."""
    status = OutboxStatus()
    rows = (
        OutboxEvent.objects.filter(status__in=(EventStatus.PENDING, EventStatus.DEAD))
        .order_by()
        .values("event_type", "status")
        .annotate(
            number=Count("id"),
            due=Count("id", filter=Q(next_attempt_at__lte=Now())),
            oldest=Min("created_at"),
        )
    )
    oldest = None
    for row in rows:
        of_type = status.by_type.setdefault(row["event_type"], {"pending": 0, "dead": 0})
        if row["status"] == EventStatus.DEAD:
            of_type["dead"] = row["number"]
            status.dead += row["number"]
        else:
            of_type["pending"] = row["number"]
            status.pending += row["number"]
            status.due += row["due"]
            oldest = min(oldest or row["oldest"], row["oldest"])
    if oldest is not None:
        status.oldest_pending_seconds = round(max(0.0, (timezone.now() - oldest).total_seconds()), 3)
    return status
