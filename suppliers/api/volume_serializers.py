"""Shapes of volumes on the wire."""

from __future__ import annotations

from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import TextField, WholeNumberField
from qhse.api.viewsets import StrictSerializer
from suppliers.models import SupplierVolume
from suppliers.ppm import LEAST_RECEIVED
from suppliers.services.volumes import MAX_LOTS, MAX_PIECES


def pieces(help_text: str) -> WholeNumberField:
    return WholeNumberField(min_value=0, max_value=MAX_PIECES, help_text=help_text)


def lots(help_text: str) -> WholeNumberField:
    return WholeNumberField(min_value=0, max_value=MAX_LOTS, required=False, default=0, help_text=help_text)


class VolumeSetSerializer(StrictSerializer):
    received_qty = pieces("Pieces that were received.")
    defective_qty = pieces("Pieces of them that were confirmed defective, and not all of a rejected lot.")
    received_lots = lots("Lots that were received.")
    rejected_lots = lots("Lots of them that were rejected.")
    late_lots = lots("Lots of them that came late.")
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


class VolumeSerializer(AnswerSerializer[SupplierVolume]):
    supplier_id = serializers.IntegerField()
    month = serializers.CharField(source="month_text", help_text="YYYY-MM.")
    received_qty = serializers.IntegerField()
    defective_qty = serializers.IntegerField()
    received_lots = serializers.IntegerField()
    rejected_lots = serializers.IntegerField()
    late_lots = serializers.IntegerField()
    ppm = serializers.IntegerField(
        allow_null=True, help_text=f"Defective pieces in a million. Null below {LEAST_RECEIVED} received."
    )
    source = serializers.CharField(  # type: ignore[assignment]
        allow_blank=True, help_text="What set them last: api, admin, or a file."
    )
    updated_at = serializers.DateTimeField()
