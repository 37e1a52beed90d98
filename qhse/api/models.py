"""What the API keeps for itself: answers to writes that a client may repeat."""

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
