"""What the API keeps for itself: counts of refusals. Answers to writes lie in `qhse.repeats`."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class RefusalCounter(models.Model):
    """
    How often a user was refused at one route since the trail's last entry about that.

    The trail is never emptied, so one user who asks without end must not fill it. `id` is a digest of user, method and
    route. `recorded_at` is the time of the last entry, and `repeats` counts the refusals that it does not. Whoever
    counts locks the row. The job `record_repeated_refusals` writes what is left, and removes it.
    """

    id = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    route = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(null=True)
    repeats = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.repeats} more at {self.route}"
