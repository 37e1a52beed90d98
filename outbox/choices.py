"""The states of an outbox event."""

from __future__ import annotations

from django.db import models


class EventStatus(models.TextChoices):
    """The values are the names on the wire, which older clients rely on; the code says processed and dead."""

    PENDING = "PENDING", "Pending"
    PROCESSED = "DONE", "Processed"
    DEAD = "FAILED", "Dead"
    DISMISSED = "DISMISSED", "Dismissed"
