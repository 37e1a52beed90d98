"""Shapes of suppliers' risk on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import DayField, OneOfField, TextField
from qhse.api.viewsets import StrictSerializer
from suppliers.api.serializers import OverrideSerializer, ReasonSerializer
from suppliers.choices import Confidence, RiskLevel
from suppliers.models import RiskAssessment, Supplier
from suppliers.services import OVERRIDE_DAYS
from suppliers.services.fields import MAX_REASON


class RowsSerializer(AnswerSerializer[Any]):
    kind = serializers.CharField(help_text="`nonconformity`, `action`, `certificate`, `volume` or `supplier`.")
    ids = serializers.ListField(child=serializers.IntegerField(), help_text="The newest first, 20 at most.")
    total = serializers.IntegerField(help_text="How many there are.")


class LineSerializer(ReasonSerializer):
    figure = serializers.DictField(
        allow_null=True, help_text="The raw figures; null in lines of version 1 of the rule."
    )
    rows = RowsSerializer(many=True, help_text="What the line rests on.")


class RiskSerializer(AnswerSerializer[Supplier]):
    """One assessment. Until there is one, everything about it is null."""

    supplier_id = serializers.IntegerField(source="pk")
    score = serializers.IntegerField(allow_null=True, help_text="0 (best) to 100; the sum of the lines' points.")
    level = serializers.ChoiceField(
        choices=RiskLevel.choices, allow_null=True, help_text="That of an override in force, else the computed one."
    )
    computed_level = serializers.ChoiceField(
        choices=RiskLevel.choices, allow_null=True, help_text="The level of the score."
    )
    is_at_risk = serializers.BooleanField(
        help_text="Now: the certification is expired, or an NC of severity high is open."
    )
    lines = LineSerializer(many=True)
    confidence = serializers.ChoiceField(
        choices=Confidence.choices,
        allow_null=True,
        help_text="Low while too few pieces are known to have been received.",
    )
    rule_version = serializers.IntegerField(allow_null=True)
    override = OverrideSerializer(allow_null=True)
    assessed_at = serializers.DateTimeField(
        source="risk_assessed_at", allow_null=True, help_text="When the worker looked last."
    )
    is_current = serializers.BooleanField(
        source="risk_is_current",
        help_text="False while an event that could move the risk waits for the worker, or the assessment is of an "
        "earlier day.",
    )


class RiskAssessmentSerializer(AnswerSerializer[RiskAssessment]):
    id = serializers.IntegerField()
    assessed_at = serializers.DateTimeField()
    day = serializers.DateField(help_text="By which expiry, decay and due dates were judged, in UTC.")
    score = serializers.IntegerField()
    level = serializers.ChoiceField(choices=RiskLevel.choices, help_text="The computed one.")
    is_at_risk = serializers.BooleanField(help_text="Of that moment.")
    lines = LineSerializer(source="all_lines", many=True)
    confidence = serializers.ChoiceField(choices=Confidence.choices)
    rule_version = serializers.IntegerField()
    cause = serializers.CharField(help_text="The type of the event that led to it, `daily`, `command` or `override`.")
    override = OverrideSerializer(allow_null=True, help_text="The one that stood then.")


class OverrideRiskSerializer(StrictSerializer):
    level = OneOfField(choices=RiskLevel.choices, allow_null=True, help_text="Null ends the override.")
    reason = TextField(max_length=MAX_REASON, help_text="Kept in the audit trail.")
    until = DayField(
        required=False, allow_null=True, default=None,
        help_text=f"Its last day, at most {OVERRIDE_DAYS} days from today, and from the first that you set in a row. "
        "Null without a level.",
    )  # fmt: skip
