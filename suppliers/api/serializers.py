"""Shapes of suppliers on the wire."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qhse.api.viewsets import StrictSerializer
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.risk import assess, is_at_risk


class SupplierCreateSerializer(StrictSerializer):
    # Longer than the 200 characters of a stored name, so that white space around it may be trimmed first.
    name = serializers.CharField(max_length=1000, help_text="1–200 characters, unique regardless of case.")
    certification_expiry = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="Last valid day, or null if none is known."
    )


class CertificationSerializer(StrictSerializer):
    certification_expiry = serializers.DateField(allow_null=True, help_text="Last valid day, or null.")
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


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
