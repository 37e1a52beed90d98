"""Shapes of non-conformities on the wire."""

from __future__ import annotations

from rest_framework import serializers

from ncs.choices import NcStatus
from ncs.models import NonConformity
from ncs.services import MAX_DESCRIPTION
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import OneOfField, TextField, WholeNumberField
from qhse.api.filters import MAX_ID
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import Severity


class NonConformityCreateSerializer(StrictSerializer):
    supplier_id = WholeNumberField(min_value=1, max_value=MAX_ID)
    severity = OneOfField(choices=Severity.choices)
    description = TextField(max_length=MAX_DESCRIPTION, help_text="What was required and what was found.")


class CloseSerializer(StrictSerializer):
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


class NonConformitySerializer(AnswerSerializer[NonConformity]):
    id = serializers.IntegerField()
    number = serializers.CharField(help_text="What people quote: NC-<year>-<id>.")
    supplier_id = serializers.IntegerField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    status = serializers.ChoiceField(choices=NcStatus.choices)
    description = serializers.CharField()
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closure_reason = serializers.CharField(allow_blank=True)
