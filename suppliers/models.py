"""Suppliers, with what is counted and concluded about them, and the conditions they are sought by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest, Least, Now
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.utils.functional import cached_property

from qhse import clock
from qhse.ordering import DictionaryOrderField, dictionary_order
from qhse.searching import words_of
from suppliers.choices import RENEWAL_NOTICE_DAYS, RiskLevel, Severity
from suppliers.names import MAX_KEY_LENGTH, MAX_LENGTH
from suppliers.risk import (
    AT_RISK_FLOOR,
    EXPIRED_POINTS,
    EXPIRING_POINTS,
    LEVELS,
    OPEN_NC_CAP,
    OPEN_NC_POINTS,
    RiskAssessment,
    SupplierFigures,
    assess,
)


def at_risk_on(today: Any) -> Q:
    """Return `risk.is_at_risk` as a condition in SQL."""
    return expired_on(today) | Q(nc_open_high__gt=0)


def expired_on(today: Any) -> Q:
    """Return `risk.is_expired` as a condition in SQL."""
    return Q(certification_expiry__lt=today)


def expiring_on(today: date, *, days: int = RENEWAL_NOTICE_DAYS) -> Q:
    """Return the condition that a certification is valid today and ends within `days`."""
    return expiring_between(today, today + timedelta(days=days))


def expiring_between(first: Any, last: Any) -> Q:
    """Return the condition that a certification ends on these days, or between them."""
    return Q(certification_expiry__range=(first, last))


def score_on(today: date) -> Case:
    """Return the score of `risk.assess` as an expression in SQL."""
    high, medium = F("nc_open_high"), F("nc_open_medium")
    low = F("nc_open") - high - medium
    weights = OPEN_NC_POINTS
    weighed = high * weights[Severity.HIGH] + medium * weights[Severity.MEDIUM] + low * weights[Severity.LOW]
    open_ncs = Least(Value(OPEN_NC_CAP), weighed)
    expiring = (
        When(certification_expiry__lte=today + timedelta(days=days), then=points) for days, points in EXPIRING_POINTS
    )
    points = open_ncs + Case(When(expired_on(today), then=EXPIRED_POINTS), *expiring, default=0)
    return Case(When(at_risk_on(today), then=Greatest(points, Value(AT_RISK_FLOOR))), default=points)


class SupplierQuerySet(models.QuerySet["Supplier"]):
    """`today` is a date in UTC. An unknown certification date is neither expired nor expiring."""

    def at_risk(self, *, today: date) -> SupplierQuerySet:
        return self.filter(at_risk_on(today))

    def not_at_risk(self, *, today: date) -> SupplierQuerySet:
        return self.exclude(at_risk_on(today))

    def expired(self, *, today: date) -> SupplierQuerySet:
        return self.filter(expired_on(today))

    def expiring(self, *, today: date, days: int = RENEWAL_NOTICE_DAYS) -> SupplierQuerySet:
        return self.filter(expiring_on(today, days=days))

    def called(self, term: str) -> SupplierQuerySet:
        """Return those in whose name each word of a search stands, in any case, with or without accents."""
        found = self
        for word in words_of(term):
            order = dictionary_order(word)
            found = found.filter(name_order__contains=order) if order else found.none()
        return found

    def at_level(self, level: RiskLevel, *, today: date) -> SupplierQuerySet:
        """Return those whose risk has this level today, whatever was concluded last."""
        least = next(threshold for threshold, each in LEVELS if each == level)
        above = [threshold for threshold, _ in LEVELS if threshold > least]
        score = score_on(today)
        found = self.filter(GreaterThanOrEqual(score, least))
        return found.filter(LessThan(score, min(above))) if above else found


class Supplier(models.Model):
    """
    One organisation that delivers to us.

    `name_key` is the name without case and Unicode differences. It is what must be unique. `name_order` is what lists
    are ordered by.
    The transactions that open and close NCs keep the counts `nc_*`. So they are exact at every moment, and reading
    them counts nothing. NCs that were recorded by mistake are `nc_void`, and in no other count.
    `risk_*` is what the worker last concluded, moments after the cause: with it, it tells a change of level to the
    trail and to other programs. Nobody is shown it. What is shown is `risk`, which follows from the other columns.
    `version` counts what people changed, not what followed from it. Rows are never deleted.
    """

    name = models.CharField(max_length=MAX_LENGTH)
    name_key = models.CharField(max_length=MAX_KEY_LENGTH, editable=False)
    name_order = DictionaryOrderField(of="name")
    certification_expiry = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    nc_total = models.PositiveIntegerField(default=0, editable=False)
    nc_open = models.PositiveIntegerField(default=0, editable=False)
    nc_open_high = models.PositiveIntegerField(default=0, editable=False)
    nc_open_medium = models.PositiveIntegerField(default=0, editable=False)
    nc_void = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    risk_level = models.CharField(max_length=10, choices=RiskLevel.choices, default=RiskLevel.LOW, editable=False)
    risk_score = models.PositiveSmallIntegerField(default=0, editable=False)
    risk_reasons = models.JSONField(default=list, editable=False)
    risk_assessed_at = models.DateTimeField(null=True, editable=False)

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SupplierQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        default_permissions = ("view", "add", "change")
        constraints = (
            models.UniqueConstraint(
                fields=("name_key",),
                name="supplier_name_is_unique",
                violation_error_message="There is already a supplier of this name.",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(name_key=""),
                name="supplier_has_a_name",
                violation_error_message="A supplier needs a name.",
            ),
            models.CheckConstraint(
                condition=Q(nc_open__lte=models.F("nc_total"))
                & Q(nc_open__gte=models.F("nc_open_high") + models.F("nc_open_medium")),
                name="supplier_nc_counts_agree",
                violation_error_message="The NC counts of the supplier do not agree with each other.",
            ),
            models.CheckConstraint(
                condition=Q(risk_level__in=RiskLevel.values),
                name="supplier_risk_level_is_known",
                violation_error_message="The risk level is not one of low, medium, high, critical.",
            ),
            models.CheckConstraint(
                condition=Q(risk_score__lte=100),
                name="supplier_risk_score_is_0_to_100",
                violation_error_message="The risk score is not from 0 to 100.",
            ),
        )
        indexes = (
            models.Index(fields=("name_order", "id"), name="supplier_by_name"),
            models.Index(fields=("certification_expiry", "id"), name="supplier_by_expiry"),
            models.Index(fields=("id",), condition=Q(nc_open_high__gt=0), name="supplier_with_open_high_nc"),
        )

    def __str__(self) -> str:
        return self.name

    @cached_property
    def read_on(self) -> date:
        """Return today in UTC. It is one day for all that is said about this copy of the row, past midnight too."""
        return clock.today()

    @property
    def risk(self) -> RiskAssessment:
        """Return the risk now: the only one that pages and answers show."""
        return assess(self.figures, today=self.read_on)

    @property
    def figures(self) -> SupplierFigures:
        """Return what the risk rule looks at."""
        return SupplierFigures(
            certification_expiry=self.certification_expiry,
            nc_open=self.nc_open,
            nc_open_high=self.nc_open_high,
            nc_open_medium=self.nc_open_medium,
        )
