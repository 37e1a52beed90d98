"""The audit trail: append-only entries, which the database itself refuses to change."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NoReturn

from django.db import DatabaseError, models
from django.db.models.functions import Now

from audit.fields import ReadableDateTimeField, ReadableJSONField, ReadableTextField
from qhse.uuid7 import uuid7


class AuditTrailIsAppendOnly(Exception):
    """The ORM refuses to change or delete entries and seals. Triggers refuse the same in SQL."""

    def __init__(self) -> None:
        super().__init__("audit entries and seals are never changed or deleted")


class EntryWasSwallowed(DatabaseError):
    """The database took an entry or a seal without an error and did not keep it: a trigger let it vanish."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses what the triggers refuse, before a statement is sent."""

    def update(self, **values: Any) -> NoReturn:
        raise AuditTrailIsAppendOnly

    def delete(self) -> NoReturn:
        raise AuditTrailIsAppendOnly


class AppendOnlyModel(models.Model):
    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AuditTrailIsAppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsAppendOnly


class AuditEntryQuerySet(AppendOnlyQuerySet):
    def about(self, entity_type: str, entity_id: object) -> AuditEntryQuerySet:
        """Return the history of one record, newest first."""
        return self.filter(entity_type=entity_type, entity_id=str(entity_id)).order_by("-id")

    def unsealed(self) -> AuditEntryQuerySet:
        """Return the entries that no seal covers yet."""
        return self.filter(~models.Exists(SealedEntry.objects.filter(entry_id=models.OuterRef("pk"))))

    def _batched_insert(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        # Behind bulk_create, which does not look how many rows came back: the only sign of a trigger that returns NULL.
        rows = super()._batched_insert(objs, *args, **kwargs)  # type: ignore[misc]
        if len(rows) != len(objs):
            raise EntryWasSwallowed(f"of {len(objs)} audit entries the database kept {len(rows)}")
        return rows


class AuditEntry(AppendOnlyModel):
    """
    One thing that somebody did to one record.

    `audit.services.record` writes it in the transaction of the change. Neither exists without the other. It is never
    changed afterwards. Triggers refuse UPDATE and DELETE, on PostgreSQL also TRUNCATE.

    `actor` and `actor_role` are what they were at that time. An entry outlives everything it names, so there is no
    foreign key to the user. `actor_id` is null for the system itself. `changes` maps each field to `[old, new]`.
    `created_at` is the database's clock when the entry was written, UTC. `client_address` is kept of logins and
    refusals alone. Of a person's daily work it would be data without a purpose.

    `actor_digest` is a digest of the name with `actor_salt`. It stands in the proof instead of the name. When a person
    is forgotten, a pseudonym replaces the name and the salt is emptied. Any other change shows.

    `mark` is a keyed digest of everything that the proof covers. The short id of its key stands in front. Without the
    key nobody can put an entry in.
    """

    created_at = ReadableDateTimeField(db_default=Now(), editable=False)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150)
    actor_salt = models.CharField(max_length=32, blank=True, editable=False)
    actor_digest = models.CharField(max_length=64, editable=False)
    actor_role = models.CharField(max_length=20)
    action = models.CharField(max_length=50)
    entity_type = models.CharField(max_length=50)
    entity_id = models.CharField(max_length=64)
    changes = ReadableJSONField(default=dict)
    reason = ReadableTextField(blank=True)
    source = models.CharField(max_length=20)
    request_id = models.CharField(max_length=64, blank=True)
    client_address = models.CharField(max_length=45, blank=True)
    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mark = models.CharField(max_length=80, blank=True, editable=False)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = (
            # The id first: it is also searched for alone, and few kinds of record share one.
            models.Index(fields=("entity_id", "entity_type", "-id"), name="audit_by_record"),
            models.Index(fields=("entity_type", "-id"), name="audit_by_kind"),
            models.Index(fields=("actor", "-id"), name="audit_by_actor"),
            models.Index(fields=("action", "-id"), name="audit_by_action"),
            models.Index(fields=("request_id",), name="audit_by_request", condition=~models.Q(request_id="")),
            models.Index(fields=("created_at",), name="audit_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.entity_type} {self.entity_id} by {self.actor}"

    @property
    def shown_reason(self) -> str:
        """`reason` for pages and lists."""
        return "cannot be read" if self.reason is None else self.reason

    @property
    def shown_changes(self) -> dict[str, list[Any]]:
        """`changes` for pages and lists: of the usual shape, whatever somebody has put there."""
        try:
            pairs = {str(name): [old, new] for name, (old, new) in self.changes.items()}
            json.dumps(pairs, allow_nan=False).encode()
        except (ValueError, TypeError, AttributeError, RecursionError):
            return {"cannot be read": [None, None]}
        return pairs


class AuditSeal(AppendOnlyModel):
    """
    One sealed block of entries, and a link of the chain.

    `hash` covers everything else. `previous_hash` is the hash of the seal before, 64 zeros for the first.
    `merkle_root` covers the entries that `SealedEntry` lists. `total` counts the entries of all seals so far. All that
    was created before `horizon` is in this seal or an earlier one. What turns up later with such a date is late, and a
    person has to say why. `mark` is a keyed digest of the hash. A seal is never changed.
    """

    number = models.PositiveIntegerField(primary_key=True)
    previous_hash = models.CharField(max_length=64)
    merkle_root = models.CharField(max_length=64)
    entry_count = models.PositiveIntegerField()
    total = models.PositiveBigIntegerField()
    horizon = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField()
    hash = models.CharField(max_length=64)
    mark = models.CharField(max_length=80, editable=False)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ("-number",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"Seal {self.number}"

    def had_closed(self, time: datetime) -> bool:
        """Answer whether an entry of this time is late, unless it is sealed by then."""
        return self.horizon is not None and time < self.horizon


class SealedEntry(AppendOnlyModel):
    """
    Which entry stands where in which seal, and its digest.

    The entry's id is the key: no entry is ever in two seals. It is no foreign key, so that a missing entry can be found
    and named. The seal is none in the database either, which would check each row anew.
    """

    entry_id = models.BigIntegerField(primary_key=True)
    seal = models.ForeignKey(AuditSeal, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    position = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("seal", "position"),
                name="sealed_entry_has_its_place",
                violation_error_message="Another entry has this place in the seal.",
            ),
        )

    def __str__(self) -> str:
        return f"entry {self.entry_id} in seal {self.seal_id}"


class SealingTurn(models.Model):
    """
    Whose turn it is to seal, and which seal was the last. There is one row.

    The sealer locks the row. To lock it takes the right to UPDATE this table. An advisory lock could be taken by any
    role that may connect, and a lock on a table by any that may insert. `seal` finds the end of the chain, however many
    seals others insert. It is looked at and not believed: the seal's mark decides.

    `counted` entries are dated before `counted_until`, and no more will be. Only the number on a list rests on it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seal = models.PositiveIntegerField(default=0)  # 0: nothing is sealed yet
    counted = models.PositiveBigIntegerField(default=0, db_default=0)
    counted_until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(id=1), name="sealing_has_one_turn", violation_error_message="There is one turn."
            ),
        )

    def __str__(self) -> str:
        return f"after seal {self.seal}"
