"""Filters of the list of certificates."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters
from django import forms
from drf_spectacular.utils import extend_schema_field

from qhse import clock
from qhse.api.filters import IdFilter, OneOfFilter, TextFilter, TotalOrderingFilter, TrueFalseFilter
from suppliers.certificate_search import certificates_meant_by
from suppliers.choices import CertificateStatus
from suppliers.models import Certificate, CertificateQuerySet
from suppliers.standards import Standard

MAX_DAYS = 36_500


class _DaysField(forms.Field):
    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) <= 5 and int(value) <= MAX_DAYS):
            raise forms.ValidationError(f"Enter a number of days from 0 to {MAX_DAYS}.", code="invalid")
        return int(value)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MAX_DAYS})
class EndingWithinFilter(filters.Filter):
    field_class = _DaysField

    def filter(self, qs: CertificateQuerySet, value: int | None) -> CertificateQuerySet:
        return qs if value is None else qs.ending_within(value, today=clock.today())


class ThoseFilter(TrueFalseFilter):
    """Those that a method of the query set finds, or all the rest."""

    def __init__(self, *, found_by: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._found_by = found_by

    def filter(self, qs: Any, value: str) -> Any:
        if value not in ("true", "false"):
            return qs
        if value == "true":
            return self.found(qs)
        return qs.exclude(pk__in=self.found(Certificate.objects.order_by()).values("pk"))

    def found(self, qs: CertificateQuerySet) -> Any:
        days = {"today": clock.today()} if self._found_by == "expired" else {}
        return getattr(qs, self._found_by)(**days)


class CertificateFilter(filters.FilterSet):
    supplier_id = IdFilter(field_name="supplier_id")
    standard = OneOfFilter(choices=Standard.choices)
    status = OneOfFilter(choices=CertificateStatus.choices)
    ending_within = EndingWithinFilter(
        label="Current ones (submitted or verified) that are in date, and end within so many days"
    )
    expired = ThoseFilter(found_by="expired", label="Current ones that ended before today, in UTC")
    missing = ThoseFilter(
        found_by="of_suppliers_that_miss_one",
        label="Those of suppliers for whom a required standard has no certificate",
    )
    unverified = ThoseFilter(found_by="awaiting", label="Those that somebody has to verify")
    superseded_edition = ThoseFilter(
        found_by="on_superseded_edition",
        label="Current ones on an edition of their standard that another one has taken the place of",
    )
    search = TextFilter(
        method="filter_search",
        min_length=0,
        max_length=200,
        label="Words of the number, the issuer or the supplier's name, regardless of case, accents and Unicode form",
    )
    ordering = TotalOrderingFilter(
        fields={"id": "id", "valid_to": "valid_to", "valid_from": "valid_from", "supplier__name_order": "supplier_name"}
    )

    class Meta:
        model = Certificate
        fields: ClassVar[list[str]] = []

    def filter_search(self, queryset: CertificateQuerySet, name: str, value: str) -> CertificateQuerySet:
        return queryset.filter(certificates_meant_by(value))
