"""The states of an outbox event."""

from __future__ import annotations

from django.db import models


class EventStatus(models.TextChoices):
    """The values are the names on the wire, which older clients rely on; the code says processed and dead."""

    PENDING = "PENDING", "Pending"
    PROCESSED = "DONE", "Processed"
    DEAD = "FAILED", "Dead"
    DISMISSED = "DISMISSED", "Dismissed"


class OutgoingState(models.IntegerChoices):
    """Where a row stands that has to leave."""

    FRESH = 0, "Due"
    """Nobody has tried it, and nothing is before it that waits."""
    WAITING = 1, "Waits for its next attempt"
    BEHIND = 2, "Waits for an earlier event of its record"
    ASIDE = 3, "Put aside"
    """The attempts are used up. Nothing waits for it. A person decides."""
