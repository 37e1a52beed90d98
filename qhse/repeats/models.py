"""The answers to writes that may be repeated."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class IdempotencyRecord(models.Model):
    """
    The answer to one write that its sender has named: a client by an Idempotency-Key, a page by the mark of its form.

    Stored in the transaction of the write: the write has happened exactly when the record exists. `id` is a digest of
    user, method, path and key; `fingerprint` is one of what was sent. A refused write leaves none: it changed nothing,
    and may be corrected under the same key. `body` is the API's answer, or of a page where it led and what it said.
    Never changed. `prune_expired` removes old ones. The table is called as it was when the API alone had it.
    """

    id = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    etag = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "api_idempotencyrecord"
        default_permissions = ()
        indexes = (models.Index(fields=("created_at",), name="idempotency_record_by_age"),)

    def __str__(self) -> str:
        return self.pk
