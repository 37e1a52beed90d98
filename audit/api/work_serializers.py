"""Reviews and verifications on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.models import MOST_NOTE, ReviewStamp, TrailVerification, VerificationState
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import TextField, WholeNumberField
from qhse.api.viewsets import StrictSerializer


class ReviewCreateSerializer(StrictSerializer):
    seal = WholeNumberField(
        min_value=1, max_value=2**31 - 1, help_text="The number of the last seal that was reviewed."
    )
    note = TextField(max_length=MOST_NOTE, help_text="What was looked at, and what was found.")


class ReviewSerializer(AnswerSerializer[ReviewStamp]):
    id = serializers.IntegerField()
    seal = serializers.IntegerField()
    seal_hash = serializers.CharField(help_text="Of the seal when it was reviewed.")
    note = serializers.CharField()
    reviewed_by = serializers.CharField(source="reviewed_by.username")
    reviewed_at = serializers.DateTimeField()


class FindingSerializer(serializers.Serializer[Any]):
    what = serializers.ChoiceField(choices=("entry", "seal", "trail"))
    number = serializers.IntegerField(help_text="Of the entry or seal; 0 for the trail as a whole.")
    problem = serializers.CharField()


class VerificationSerializer(AnswerSerializer[TrailVerification]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=VerificationState.choices)
    started_by = serializers.CharField(source="started_by.username")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    percent = serializers.IntegerField(help_text="How much of the seals is done.")
    position = serializers.IntegerField(help_text="The last seal that was verified.")
    seals = serializers.IntegerField(help_text="Verified so far.")
    seals_expected = serializers.IntegerField(help_text="How many there were at the beginning.")
    entries = serializers.IntegerField(help_text="Verified so far, in these seals.")
    unsealed = serializers.IntegerField(help_text="Verified so far, without a seal.")
    findings_total = serializers.IntegerField(help_text="How much is not as it was written.")
    findings = FindingSerializer(many=True, help_text="The first hundred.")
