"""The history of a supplier's risk."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from suppliers.choices import Confidence, RiskLevel
from suppliers.models.standing import Override
from suppliers.risk import Line


class RiskAssessment(models.Model):
    """
    What was concluded of a supplier's risk, and on which day. Append-only: a row is written when something changes.

    `lines` are the lines of the score, whose points sum to it; each has `code`, `detail`, `points`, the raw `figure`,
    and `rows`: what it rests on. `cause` is the type of the event that led to it, or `daily`, `command`, `override`.
    `override_*` is the override in force then. The newest row of a supplier equals `risk_*` of the supplier.
    """

    supplier = models.ForeignKey(
        "suppliers.Supplier", on_delete=models.PROTECT, related_name="assessments", db_index=False
    )
    assessed_at = models.DateTimeField(db_default=Now(), editable=False)
    day = models.DateField()
    score = models.PositiveSmallIntegerField()
    level = models.CharField(max_length=10, choices=RiskLevel.choices)
    is_at_risk = models.BooleanField()
    lines = models.JSONField(default=list)
    rule_version = models.PositiveSmallIntegerField()
    confidence = models.CharField(max_length=10, choices=Confidence.choices)
    cause = models.CharField(max_length=64)
    override_level = models.CharField(max_length=10, choices=RiskLevel.choices, blank=True, default="")
    override_reason = models.TextField(max_length=2000, blank=True, default="")
    override_until = models.DateField(null=True)
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = "risk assessment"
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=Q(score__lte=100) & Q(level__in=RiskLevel.values) & Q(confidence__in=Confidence.values),
                name="assessment_is_of_the_rule",
                violation_error_message="A score is from 0 to 100, level and confidence are known ones.",
            ),
        )
        indexes = (
            models.Index(fields=("supplier", "-id"), name="assessment_by_supplier"),
            models.Index(fields=("day", "supplier"), name="assessment_by_day"),
        )

    def __str__(self) -> str:
        return f"{self.score} {self.level}"

    @property
    def all_lines(self) -> list[Line]:
        return [Line.stored(line) for line in self.lines]

    @property
    def override(self) -> Override | None:
        """Return the override that stood then."""
        if self.override_until is None or self.override_by_id is None:
            return None
        return Override(RiskLevel(self.override_level), self.override_reason, self.override_until, self.override_by_id)

    @property
    def shown_level(self) -> RiskLevel:
        """Return the level that was shown then: that of an override in force, else the computed one."""
        in_force = self.override_until is not None and self.override_until >= self.day
        return RiskLevel(self.override_level if in_force else self.level)
