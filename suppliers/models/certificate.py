"""Certificates of suppliers: what was handed in, and what somebody has made sure of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, ExpressionWrapper, F, OuterRef, Q
from django.db.models.functions import Now

from qhse import clock
from suppliers.choices import CertificateStatus, VerifyMethod
from suppliers.standards import SUPERSEDED, Standard

MAX_EDITION = 10
MAX_NUMBER = 100
MAX_NAME = 150
MAX_REFERENCE = 200
CURRENT = [CertificateStatus.SUBMITTED, CertificateStatus.VERIFIED]
_VERIFIED = [CertificateStatus.VERIFIED, CertificateStatus.WITHDRAWN, CertificateStatus.SUPERSEDED]


class CertificateQuerySet(models.QuerySet["Certificate"]):
    """`today` is a date in UTC, or an expression for one. A certificate is valid through its last day."""

    def current(self) -> CertificateQuerySet:
        """Return those that speak for their supplier: neither rejected, withdrawn nor superseded."""
        return self.filter(status__in=CURRENT)

    def expired(self, *, today: Any) -> CertificateQuerySet:
        return self.current().filter(valid_to__lt=today)

    def ending_within(self, days: int, *, today: Any) -> CertificateQuerySet:
        return self.current().filter(valid_to__range=(today, today + timedelta(days=days)))

    def awaiting(self) -> CertificateQuerySet:
        """Return those that somebody has to verify, or to reject."""
        return self.filter(status=CertificateStatus.SUBMITTED)

    def of_suppliers_that_miss_one(self) -> CertificateQuerySet:
        """Return those of suppliers for whom a required standard has no current certificate that counts."""
        return self.filter(supplier__cert_missing__gt=0)

    def on_superseded_edition(self) -> CertificateQuerySet:
        """Return the current ones on an edition of their standard that another one has taken the place of."""
        old = Q(pk=None)
        for standard, superseded in SUPERSEDED.items():
            old |= Q(standard=standard, edition=superseded.edition)
        return self.current().filter(old)

    def unrenewed(self, *, today: Any) -> CertificateQuerySet:
        """
        Return the current ones that no other current one takes the place of.

        That would be one of the same supplier and standard that ends later, and has begun or takes over without a gap.
        """
        day_after = ExpressionWrapper(OuterRef("valid_to") + timedelta(days=1), output_field=models.DateField())
        later = Certificate.objects.current().filter(
            Q(valid_from__lte=today) | Q(valid_from__lte=day_after),
            supplier_id=OuterRef("supplier_id"), standard=OuterRef("standard"), valid_to__gt=OuterRef("valid_to"),
        )  # fmt: skip
        return self.current().filter(~Exists(later))

    def renewing(self, *, today: Any) -> CertificateQuerySet:
        """Return verified ones that have begun, and whose earlier one is verified still."""
        return self.filter(
            status=CertificateStatus.VERIFIED, valid_from__lte=today,
            supersedes__status=CertificateStatus.VERIFIED, supersedes__valid_from__lt=F("valid_from"),
        )  # fmt: skip


class Certificate(models.Model):
    """
    One certificate of one supplier, by one standard, as its document says.

    `suppliers.services` writes it under the supplier's lock, together with `cert_*` of the supplier. Who verifies it is
    never who submitted it. `decided_*` is who last rejected, withdrew or superseded it, with `status_reason`.
    `expiry_told` is the threshold in days that others have been told of last: 90, 60, 30, 7, 0, and -1 after the end.
    Its document is an attachment. Rows are never deleted.
    """

    supplier = models.ForeignKey("suppliers.Supplier", on_delete=models.PROTECT, related_name="certificates")
    standard = models.CharField(max_length=20, choices=Standard.choices)
    edition = models.CharField(max_length=MAX_EDITION, blank=True, default="", db_default="")
    number = models.CharField(max_length=MAX_NUMBER)
    issuer = models.CharField(max_length=MAX_NAME)
    accreditation_body = models.CharField(max_length=MAX_NAME, blank=True, default="", db_default="")
    scope = models.TextField(max_length=2000, blank=True, default="", db_default="")
    sites = models.TextField(max_length=2000, blank=True, default="", db_default="")
    valid_from = models.DateField()
    valid_to = models.DateField()
    last_surveillance_on = models.DateField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="superseded_by", null=True, blank=True
    )
    status = models.CharField(
        max_length=20, choices=CertificateStatus.choices, default=CertificateStatus.SUBMITTED, editable=False
    )
    submitted_at = models.DateTimeField(db_default=Now(), editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    verified_at = models.DateTimeField(null=True, editable=False)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False, editable=False
    )
    verify_method = models.CharField(
        max_length=20, choices=VerifyMethod.choices, blank=True, default="", db_default="", editable=False
    )
    verify_ref = models.CharField(max_length=MAX_REFERENCE, blank=True, default="", db_default="", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False, editable=False
    )
    status_reason = models.TextField(max_length=2000, blank=True, default="", db_default="", editable=False)
    expiry_told = models.SmallIntegerField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(standard__in=Standard.values),
                name="certificate_standard_is_known",
                violation_error_message="The standard is not a known one.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=CertificateStatus.values),
                name="certificate_status_is_known",
                violation_error_message="The status of the certificate is not a known one.",
            ),
            models.CheckConstraint(
                condition=~Q(number="") & ~Q(issuer=""),
                name="certificate_has_number_and_issuer",
                violation_error_message="A certificate needs a number and an issuer.",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__gt=F("valid_from")),
                name="certificate_ends_after_it_begins",
                violation_error_message="The last day of a certificate is after its first.",
            ),
            models.UniqueConstraint(
                fields=("supplier", "standard", "number", "valid_from"),
                condition=~Q(status=CertificateStatus.REJECTED),
                name="certificate_is_handed_in_once",
                violation_error_message="This certificate of the supplier is recorded already.",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=_VERIFIED, verified_at__isnull=False, verified_by__isnull=False)
                    & Q(verify_method__in=VerifyMethod.values)
                )
                | Q(verified_at__isnull=True, verified_by__isnull=True, verify_method="", verify_ref=""),
                name="certificate_verified_has_time_person_and_method",
                violation_error_message="A verified certificate has time, person and method of that; others have not.",
            ),
            models.CheckConstraint(
                condition=~Q(status=CertificateStatus.VERIFIED) | Q(verified_by__isnull=False),
                name="certificate_verified_by_somebody",
                violation_error_message="Somebody verified a verified certificate.",
            ),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True) | ~Q(verified_by=F("submitted_by")),
                name="certificate_verified_by_another",
                violation_error_message="Who submitted a certificate does not verify it.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*CURRENT, CertificateStatus.SUPERSEDED])
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(status_reason="")),
                name="certificate_decision_has_time_person_and_reason",
                violation_error_message="A rejected or withdrawn certificate has time, person and reason of that.",
            ),
        )
        indexes = (
            models.Index(fields=("supplier", "standard", "valid_to"), name="certificate_by_supplier"),
            models.Index(fields=("valid_to", "id"), condition=Q(status__in=CURRENT), name="certificate_by_end"),
            models.Index(fields=("id",), condition=Q(status=CertificateStatus.SUBMITTED), name="certificate_to_verify"),
        )

    def __str__(self) -> str:
        edition = f":{self.edition}" if self.edition else ""
        return f"{self.get_standard_display()}{edition} {self.number}"

    @property
    def days_left(self) -> int:
        """Return the whole days until its last day; negative after it. In UTC."""
        return (self.valid_to - clock.today()).days

    @property
    def is_current(self) -> bool:
        """Answer whether it speaks for its supplier: neither rejected, withdrawn nor superseded."""
        return self.status in CURRENT

    @property
    def has_begun(self) -> bool:
        """Answer whether its first day has come, in UTC."""
        return self.valid_from <= clock.today()

    @property
    def in_date(self) -> bool:
        """Answer whether its document is valid today, whatever was decided about it. It is through its last day."""
        return self.valid_from <= clock.today() <= self.valid_to

    @property
    def on_superseded_edition(self) -> bool:
        superseded = SUPERSEDED.get(Standard(self.standard))
        return self.is_current and superseded is not None and self.edition == superseded.edition
