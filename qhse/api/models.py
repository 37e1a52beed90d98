"""What the API keeps for itself: answers to writes that a client may repeat, and counts of refusals."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class IdempotencyRecord(models.Model):
    """
    The answer to one write that its client named with an Idempotency-Key.

    Stored in the transaction of the write: the write has happened exactly when the record exists. `id` is a digest of
    user, method, path and key; `fingerprint` is one of the body. A refused request leaves none: it changed nothing, and
    may be corrected under the same key. Never changed. `prune_expired` removes old ones.
    """

    id = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    etag = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("created_at",), name="idempotency_record_by_age"),)

    def __str__(self) -> str:
        return self.pk


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
