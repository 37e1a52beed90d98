"""The audit trail: append-only entries, which the database itself refuses to change."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.db.models.functions import Now


class AuditTrailIsAppendOnly(Exception):
    """Somebody tried to change or delete an audit entry through the ORM; triggers refuse the same in SQL."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, entity_type: str, entity_id: object) -> AuditEntryQuerySet:
        """Return the history of one record, newest first."""
        return self.filter(entity_type=entity_type, entity_id=str(entity_id)).order_by("-id")

    def update(self, **values: Any) -> NoReturn:
        raise AuditTrailIsAppendOnly("audit entries are never changed")

    def delete(self) -> NoReturn:
        raise AuditTrailIsAppendOnly("audit entries are never deleted")


class AuditEntry(models.Model):
    """
    One thing that somebody did to one record.

    Written by `audit.services.record` in the transaction of the change itself, so that neither exists without the
    other, and never changed afterwards: triggers refuse UPDATE and DELETE, on PostgreSQL also TRUNCATE.

    `actor` and `actor_role` are what they were at that time; there is no foreign key to the user, because an
    entry outlives everything it names. `actor_id` is null for the system itself. `changes` maps each field to
    `[old, new]`. `created_at` is the database's clock at the start of the transaction, UTC.
    """

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150)
    actor_role = models.CharField(max_length=20)
    action = models.CharField(max_length=50)
    entity_type = models.CharField(max_length=50)
    entity_id = models.CharField(max_length=64)
    changes = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    source = models.CharField(max_length=20)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=("entity_type", "entity_id", "-id"), name="audit_by_entity"),
            models.Index(fields=("actor", "-id"), name="audit_by_actor"),
            models.Index(fields=("action", "-id"), name="audit_by_action"),
            models.Index(fields=("request_id",), name="audit_by_request", condition=~models.Q(request_id="")),
            models.Index(fields=("created_at",), name="audit_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.entity_type} {self.entity_id} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AuditTrailIsAppendOnly("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsAppendOnly("audit entries are never deleted")
