"""Actions on a case: what is done about it, by whom, until when, and whether it helped."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ncs.choices import ActionKind, ActionStatus
from ncs.workflow import RUNNING
from qhse import clock

MAX_TITLE = 200
MAX_CONTACT = 150
_COMPLETED = [ActionStatus.DONE, ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE]
_VERIFIED = [ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE]


class CorrectiveActionQuerySet(models.QuerySet["CorrectiveAction"]):
    def running(self) -> CorrectiveActionQuerySet:
        return self.filter(status__in=sorted(RUNNING))

    def overdue(self, *, today: Any) -> CorrectiveActionQuerySet:
        return self.running().filter(due_on__lt=today)


class CorrectiveAction(models.Model):
    """
    One action on one case.

    `ncs.services` writes it, together with the counts on its case. It belongs to a user as `owner`, or to somebody at
    the supplier, named by `contact`, never to both. Who verified it is never who completed it. `follow_up_of` is the
    action that was not effective, and that this one takes the place of. `overdue_told` is the due date that others have
    been told has passed. Rows are never deleted.
    """

    nc = models.ForeignKey("ncs.NonConformity", on_delete=models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=20, choices=ActionKind.choices)
    title = models.CharField(max_length=MAX_TITLE)
    status = models.CharField(max_length=20, choices=ActionStatus.choices, default=ActionStatus.OPEN)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    contact = models.CharField(max_length=MAX_CONTACT, blank=True, default="", db_default="")
    due_on = models.DateField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    started_at = models.DateTimeField(null=True, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    done_note = models.TextField(max_length=2000, blank=True, default="", db_default="")
    verified_at = models.DateTimeField(null=True, editable=False)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    verification_note = models.TextField(max_length=2000, blank=True, default="", db_default="")
    follow_up_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="follow_up", null=True, blank=True
    )
    overdue_told = models.DateField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = CorrectiveActionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "action"
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=ActionKind.values),
                name="action_kind_is_known",
                violation_error_message="The kind of action is not a known one.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ActionStatus.values),
                name="action_status_is_known",
                violation_error_message="The status of the action is not a known one.",
            ),
            models.CheckConstraint(
                condition=~Q(title=""),
                name="action_has_a_title",
                violation_error_message="An action needs a title.",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=False, contact="") | (Q(owner__isnull=True) & ~Q(contact="")),
                name="action_has_one_owner",
                violation_error_message="An action belongs to a user or to a contact of the supplier.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_COMPLETED, done_at__isnull=False, done_by__isnull=False)
                | (~Q(status__in=_COMPLETED) & Q(done_at__isnull=True, done_by__isnull=True)),
                name="action_done_has_time_and_person",
                violation_error_message="A completed action has time and person of its completion; others have not.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=_VERIFIED, verified_at__isnull=False, verified_by__isnull=False)
                | (~Q(status__in=_VERIFIED) & Q(verified_at__isnull=True, verified_by__isnull=True)),
                name="action_verified_has_time_and_person",
                violation_error_message="A verified action has time and person of its verification; others have not.",
            ),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True) | ~Q(verified_by=models.F("done_by")),
                name="action_verified_by_another",
                violation_error_message="Who completed an action does not verify it.",
            ),
        )
        indexes = (
            models.Index(
                fields=("owner", "due_on"), condition=Q(status__in=sorted(RUNNING)), name="action_running_by_owner"
            ),
            models.Index(
                fields=("due_on", "id"), condition=Q(status__in=sorted(RUNNING)), name="action_running_by_due"
            ),
            # What the reminders ask for: rows leave it when they have been told.
            models.Index(
                fields=("due_on", "id"),
                condition=Q(status__in=sorted(RUNNING), overdue_told__isnull=True),
                name="action_untold_by_due",
            ),
            models.Index(fields=("id",), condition=Q(status=ActionStatus.DONE), name="action_to_verify"),
            models.Index(fields=("status", "-id"), name="action_by_status"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def overdue(self) -> bool:
        """Answer whether it is late. It is due through its day."""
        return self.status in RUNNING and self.due_on < clock.today()
