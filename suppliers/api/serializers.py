"""Shapes of suppliers on the wire."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qhse.api.fields import DayField, TextField
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.names import MAX_LENGTH
from suppliers.risk import assess, is_at_risk
from suppliers.services import EARLIEST_EXPIRY, LATEST_EXPIRY

LAST_VALID_DAY = f"Last valid day, from {EARLIEST_EXPIRY} to {LATEST_EXPIRY}, or null if none is known."


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_LENGTH})
class SupplierNameField(TextField):
    """Takes more characters than a stored name has: white space and decomposed letters shrink when normalised."""


class SupplierCreateSerializer(StrictSerializer):
    name = SupplierNameField(
        max_length=5 * MAX_LENGTH,
        trim_whitespace=False,  # the service trims, after it has looked for line breaks and tabs
        help_text="Unique regardless of case and Unicode form; no control or invisible characters.",
    )
    certification_expiry = DayField(required=False, allow_null=True, default=None, help_text=LAST_VALID_DAY)


class CertificationSerializer(StrictSerializer):
    certification_expiry = DayField(allow_null=True, help_text=LAST_VALID_DAY)
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


class SupplierSerializer(serializers.Serializer[Supplier]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    certification_expiry = serializers.DateField(allow_null=True)
    is_at_risk = serializers.SerializerMethodField(
        help_text="Now: the certification is expired, or an NC of severity high is open."
    )
    risk_level = serializers.ChoiceField(
        choices=RiskLevel.choices, help_text="What the worker last concluded, moments after the cause."
    )
    created_at = serializers.DateTimeField()

    def get_is_at_risk(self, supplier: Supplier) -> bool:
        return is_at_risk(supplier.figures, today=timezone.now().date())


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    points = serializers.IntegerField()


class SupplierDetailSerializer(SupplierSerializer):
    nc_total = serializers.IntegerField()
    nc_open = serializers.IntegerField()
    nc_open_high = serializers.IntegerField()
    risk_score = serializers.SerializerMethodField(help_text="Now: 0 (best) to 100; the sum of the reasons' points.")
    risk_reasons = serializers.SerializerMethodField(help_text="Now: the lines that add up to the score.")
    risk_assessed_at = serializers.DateTimeField(allow_null=True)

    def get_risk_score(self, supplier: Supplier) -> int:
        return assess(supplier.figures, today=timezone.now().date()).score

    @extend_schema_field(ReasonSerializer(many=True))
    def get_risk_reasons(self, supplier: Supplier) -> list[dict[str, Any]]:
        return [reason.as_dict() for reason in assess(supplier.figures, today=timezone.now().date()).reasons]
