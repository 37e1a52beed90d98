"""What endpoints and deliveries can be."""

from __future__ import annotations

from django.db.models import TextChoices


class EndpointStatus(TextChoices):
    ACTIVE = "ACTIVE", "Active"
    PAUSED = "PAUSED", "Paused"


class PauseCause(TextChoices):
    """Why an endpoint is paused. Of all but the first, the system has paused it."""

    PERSON = "person", "Somebody paused it"
    FAILURES = "failures", "Took nothing for a day"
    GONE = "gone", "Answered that it is gone (410)"
    SECRET = "secret_unreadable", "Its secret cannot be read with the present SECRET_KEY"


class DeliveryStatus(TextChoices):
    WAITING = "WAITING", "Waiting"
    DELIVERED = "DELIVERED", "Delivered"
    FAILED = "FAILED", "Failed"
