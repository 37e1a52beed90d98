"""The states of a non-conformity."""

from __future__ import annotations

from django.db import models


class NcStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLOSED = "CLOSED", "Closed"
