"""Non-conformities: requirements that a supplier did not fulfil (ISO 9000:2015, 3.6.9)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from ncs.choices import NcStatus
from qhse.searches import SearchKeyField
from suppliers.choices import Severity

BY_WEIGHT = Case(When(severity=Severity.HIGH, then=Value(3)), When(severity=Severity.MEDIUM, then=Value(2)), default=1)


class NonConformityQuerySet(models.QuerySet["NonConformity"]):
    def open(self) -> NonConformityQuerySet:
        return self.filter(status=NcStatus.OPEN)


class NonConformity(models.Model):
    """
    One non-conformity of one supplier.

    It is open until somebody closes it, and then stays closed. Supplier, severity and description never change.
    `ncs.services` writes it, together with the counts on its supplier. `reported_by` and `closed_by` are links for
    convenience; the audit trail is the proof. `search_key` is the description as it is searched. `version` counts its
    changes. Rows are never deleted.
    """

    supplier = models.ForeignKey("suppliers.Supplier", on_delete=models.PROTECT, related_name="ncs")
    severity = models.CharField(max_length=10, choices=Severity.choices)
    status = models.CharField(max_length=10, choices=NcStatus.choices, default=NcStatus.OPEN)
    description = models.TextField(max_length=5000)
    search_key = SearchKeyField(source="description", default="", db_default="", editable=False)
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closure_reason = models.TextField(blank=True, max_length=2000)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = NonConformityQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "non-conformity"
        verbose_name_plural = "non-conformities"
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values),
                name="nc_severity_is_known",
                violation_error_message="The severity is not one of low, medium, high.",
            ),
            models.CheckConstraint(
                condition=~Q(description=""),
                name="nc_has_a_description",
                violation_error_message="A non-conformity needs a description.",
            ),
            models.CheckConstraint(
                condition=Q(status=NcStatus.OPEN, closed_at__isnull=True, closed_by__isnull=True)
                | Q(status=NcStatus.CLOSED, closed_at__isnull=False, closed_by__isnull=False),
                name="nc_closed_has_time_and_person",
                violation_error_message="A closed one has time and person of its closing; an open one has neither.",
            ),
        )
        indexes = (
            models.Index(fields=("status", "severity", "-id"), name="nc_by_status_severity"),
            models.Index(fields=("severity", "-id"), name="nc_by_severity"),
            models.Index(fields=("supplier", "status", "-id"), name="nc_by_supplier_status"),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """Return the number that people quote, which follows from year and id."""
        return f"NC-{self.created_at:%Y}-{self.pk:05d}"
