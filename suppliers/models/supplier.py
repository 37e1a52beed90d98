"""Suppliers, with what is counted and concluded about them, and the conditions they are sought by."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Now

from qhse.ordering import DictionaryOrderField, dictionary_order
from qhse.searching import words_of
from suppliers.choices import (
    RENEWAL_NOTICE_DAYS,
    Confidence,
    Criticality,
    RiskLevel,
    SupplierCategory,
    SupplierStatus,
)
from suppliers.coverage import declared_not_proven
from suppliers.models.certificate import Certificate
from suppliers.models.standing import Standing
from suppliers.names import MAX_KEY_LENGTH, MAX_LENGTH
from suppliers.status import proposed, proposed_without_proof


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


def level_on(today: Any) -> Case:
    """
    Return the level that is shown, as an expression in SQL: that of an override in force, else the computed one.

    It is null for a supplier that the worker has not assessed.
    """
    return Case(
        When(override_on(today), then=F("override_level")),
        When(risk_assessed_at__isnull=True, then=Value(None)),
        default=F("risk_level"),
        output_field=models.CharField(null=True),
    )


def override_on(today: Any) -> Q:
    """Return the condition that an override is in force. It is through its last day."""
    return Q(override_until__gte=today)


def called(term: str) -> Q:
    """Return the condition that each word of a search stands in the name, in any case, with or without accents."""
    found = Q()
    for word in words_of(term):
        order = dictionary_order(word)
        found &= Q(name_order__contains=order) if order else Q(pk__in=[])
    return found


STANDING = {"merged_into__isnull": True}
MAX_REFERENCE = 60
MAX_CONTACT = 150
MAX_EMAIL = 254


class SupplierQuerySet(models.QuerySet["Supplier"]):
    """`today` is a date in UTC. An unknown certification date is neither expired nor expiring."""

    def standing(self) -> SupplierQuerySet:
        """Leave out those that have been merged into others: they stand in no list and in no count."""
        return self.filter(**STANDING)

    def at_risk(self, *, today: date) -> SupplierQuerySet:
        return self.filter(at_risk_on(today), **STANDING)

    def not_at_risk(self, *, today: date) -> SupplierQuerySet:
        return self.exclude(at_risk_on(today), **STANDING)

    def expired(self, *, today: date) -> SupplierQuerySet:
        return self.filter(expired_on(today))

    def expiring(self, *, today: date, days: int = RENEWAL_NOTICE_DAYS) -> SupplierQuerySet:
        return self.filter(expiring_on(today, days=days))

    def called(self, term: str) -> SupplierQuerySet:
        """Return those in whose name each word of a search stands, in any case, with or without accents."""
        return self.filter(called(term))

    def of_standard(self, standard: str) -> SupplierQuerySet:
        """Return those that have to be certified by a standard, or have a current certificate of it."""
        own = Certificate.objects.current().filter(supplier=OuterRef("pk"), standard=standard)
        # SQLite cannot look into a list; of its text both databases can tell, because the codes stand in quotes.
        required = Cast("required_standards", models.TextField())
        return self.annotate(required_text=required).filter(Q(required_text__contains=f'"{standard}"') | Exists(own))

    def ending_within(self, days: int, *, today: date) -> SupplierQuerySet:
        """Return those whose declared certification, or that of a required standard, ends within so many days."""
        last = today + timedelta(days=days)
        return self.filter(expiring_between(today, last) | Q(cert_ends_on__range=(today, last)))

    def review_due(self, *, today: date) -> SupplierQuerySet:
        """Return those whose day of review has come."""
        return self.filter(next_review_on__lte=today)

    def not_assessed(self) -> SupplierQuerySet:
        """Return those that the worker has never assessed. No level is shown of them, and nobody can override it."""
        return self.filter(risk_assessed_at__isnull=True)

    def at_level(self, level: RiskLevel, *, today: Any) -> SupplierQuerySet:
        """Return those that are shown with this level."""
        overridden, computed = override_on(today), Q(risk_level=level, risk_assessed_at__isnull=False)
        return self.filter(overridden & Q(override_level=level) | computed & ~overridden)

    def not_assessed_since(self, moment: datetime) -> SupplierQuerySet:
        """
        Return those whose risk was not looked at since, without those that were recorded twice.

        A look in the future was by a clock that was ahead, and does not count.
        """
        unseen = Q(risk_assessed_at__isnull=True) | Q(risk_assessed_at__lt=moment)
        unseen |= Q(risk_assessed_at__gt=Now() + timedelta(minutes=1))
        return self.filter(unseen, **STANDING)


class Supplier(Standing, models.Model):
    """
    One organisation that delivers to us.

    `name_key` is the name without case and Unicode differences. It is what must be unique. `name_order` is what lists
    are ordered by.
    The transactions that open and close NCs keep the counts `nc_*`. So they are exact at every moment, and reading
    them counts nothing. NCs that were recorded by mistake are `nc_void`, and in no other count.
    `risk_*` is the newest assessment, by the worker, moments after the cause. It is what is shown: level, score and
    lines are of one moment. `risk_at_risk` is whether it was at risk then, and `is_at_risk` whether it is now. The
    worker was there last at `risk_assessed_at`; null means never. `risk_is_current` says whether it is behind.
    Certificates keep `cert_*` in the transactions that write them, and on the day on which they begin, for the
    `required_standards`: the day on which the first of those ends for which the latest is at hand, how many have none,
    how many only an unverified one, and the day through which verified ones prove them: see `suppliers.coverage`.
    A `status` has a reason, a time and a person, unless it is the first. A merged supplier is one that was recorded
    twice: it takes no writes, and stands in no list. An override of the risk level ends after `override_until`.
    `version` counts what people changed, not what followed from it. Rows are never deleted.
    """

    name = models.CharField(max_length=MAX_LENGTH)
    name_key = models.CharField(max_length=MAX_KEY_LENGTH, editable=False)
    name_order = DictionaryOrderField(of="name")
    certification_expiry = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    external_ref = models.CharField(max_length=MAX_REFERENCE, blank=True, default="", db_default="")
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    category = models.CharField(max_length=20, choices=SupplierCategory.choices, blank=True, default="", db_default="")
    criticality = models.CharField(
        max_length=1, choices=Criticality.choices, default=Criticality.B, db_default=Criticality.B
    )
    contact_name = models.CharField(max_length=MAX_CONTACT, blank=True, default="", db_default="")
    contact_email = models.CharField(max_length=MAX_EMAIL, blank=True, default="", db_default="")
    required_standards = models.JSONField(
        default=list, blank=True, db_default=Value([], output_field=models.JSONField())
    )
    next_review_on = models.DateField(null=True, blank=True)

    status = models.CharField(
        max_length=20, choices=SupplierStatus.choices, default=SupplierStatus.PENDING,
        db_default=SupplierStatus.PENDING, editable=False,
    )  # fmt: skip
    status_reason = models.TextField(max_length=2000, blank=True, default="", db_default="", editable=False)
    status_at = models.DateTimeField(null=True, editable=False)
    status_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False,
        editable=False,
    )  # fmt: skip
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, related_name="merged", null=True, editable=False)

    cert_ends_on = models.DateField(null=True, editable=False)
    cert_missing = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    cert_unverified = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    cert_proven_until = models.DateField(null=True, editable=False)

    nc_total = models.PositiveIntegerField(default=0, editable=False)
    nc_open = models.PositiveIntegerField(default=0, editable=False)
    nc_open_high = models.PositiveIntegerField(default=0, editable=False)
    nc_open_medium = models.PositiveIntegerField(default=0, editable=False)
    nc_void = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    risk_level = models.CharField(max_length=10, choices=RiskLevel.choices, default=RiskLevel.LOW, editable=False)
    risk_score = models.PositiveSmallIntegerField(default=0, editable=False)
    risk_reasons = models.JSONField(default=list, editable=False)
    risk_assessed_at = models.DateTimeField(null=True, editable=False)
    risk_at_risk = models.BooleanField(default=False, db_default=False, editable=False)
    risk_rule_version = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    risk_confidence = models.CharField(
        max_length=10, choices=Confidence.choices, default=Confidence.LOW, db_default=Confidence.LOW, editable=False
    )
    override_level = models.CharField(
        max_length=10, choices=RiskLevel.choices, blank=True, default="", db_default="", editable=False
    )
    override_reason = models.TextField(max_length=2000, blank=True, default="", db_default="", editable=False)
    override_until = models.DateField(null=True, editable=False)
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False,
        editable=False,
    )  # fmt: skip

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
            models.UniqueConstraint(
                fields=("external_ref",),
                condition=~Q(external_ref=""),
                name="supplier_external_ref_is_unique",
                violation_error_message="Another supplier has this external reference.",
            ),
            models.CheckConstraint(
                condition=Q(category="") | Q(category__in=SupplierCategory.values),
                name="supplier_category_is_known",
                violation_error_message="The category is not a known one.",
            ),
            models.CheckConstraint(
                condition=Q(criticality__in=Criticality.values),
                name="supplier_criticality_is_known",
                violation_error_message="The criticality is not one of A, B, C.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=SupplierStatus.values),
                name="supplier_status_is_known",
                violation_error_message="The status is not a known one.",
            ),
            models.CheckConstraint(
                condition=Q(status=SupplierStatus.PENDING)
                | (Q(status_at__isnull=False, status_by__isnull=False) & ~Q(status_reason="")),
                name="supplier_status_has_time_person_and_reason",
                violation_error_message="A status that was decided has time, person and reason.",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="supplier_is_not_merged_into_itself",
                violation_error_message="A supplier is not merged into itself.",
            ),
            models.CheckConstraint(
                condition=Q(override_level="", override_reason="", override_until=None, override_by=None)
                | (
                    Q(override_level__in=RiskLevel.values, override_until__isnull=False, override_by__isnull=False)
                    & ~Q(override_reason="")
                ),
                name="supplier_override_has_all_or_nothing",
                violation_error_message="An override has level, reason, end and person.",
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

    @property
    def code(self) -> str:
        """Return the number that people quote: SUP-00017."""
        return f"SUP-{self.pk:05}"

    @property
    def declared_not_proven(self) -> bool:
        return declared_not_proven(self.certification_expiry, self.cert_proven_until)

    @property
    def proposed_status(self) -> SupplierStatus | None:
        """
        Return what the computed risk proposes, else what a lack of proof does. Nobody but a person decides.

        An override is an answer to the risk.
        """
        return proposed(self.status, self.computed_level) or proposed_without_proof(
            self.status, is_proven=self.is_proven
        )

    @property
    def is_proven(self) -> bool:
        """Answer whether verified certificates in date prove all required standards, as `cert_*` have it."""
        proven = self.cert_proven_until
        return not self.required_standards or (proven is not None and proven >= self.read_on)
