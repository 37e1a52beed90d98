"""Shapes of suppliers on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import DayField, TextField
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.names import MAX_LENGTH
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


class SupplierSerializer(AnswerSerializer[Supplier]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    certification_expiry = serializers.DateField(allow_null=True)
    is_at_risk = serializers.BooleanField(
        source="risk.is_at_risk", help_text="Now: the certification is expired, or an NC of severity high is open."
    )
    risk_level = serializers.ChoiceField(
        source="risk.level", choices=RiskLevel.choices, help_text="Now: the level of the score."
    )
    created_at = serializers.DateTimeField()


class ReasonSerializer(AnswerSerializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    points = serializers.IntegerField()


class SupplierDetailSerializer(SupplierSerializer):
    nc_total = serializers.IntegerField()
    nc_open = serializers.IntegerField()
    nc_open_high = serializers.IntegerField()
    risk_score = serializers.IntegerField(
        source="risk.score", help_text="Now: 0 (best) to 100; the sum of the reasons' points."
    )
    risk_reasons = ReasonSerializer(source="risk.reasons", many=True, help_text="Now: the lines of the score.")
    risk_assessed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the worker last looked whether the level has changed. It tells changes to the audit trail and "
        "by SUPPLIER_RISK_CHANGED, moments after the cause.",
    )
