"""Shapes of files on the wire."""

from __future__ import annotations

from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import TextField
from qhse.api.viewsets import StrictSerializer
from qhse.attachments.models import MAX_DESCRIPTION, MAX_REASON, Attachment


class AttachSerializer(StrictSerializer):
    entity_type = TextField(max_length=64, help_text="The kind of record, as the audit log names it.")
    entity_id = TextField(max_length=64, help_text="The record.")
    file = serializers.FileField(
        allow_empty_file=True, help_text="Its name must end as its kind does: .pdf, .jpg, .xlsx and others."
    )
    description = TextField(
        required=False, allow_blank=True, default="", max_length=MAX_DESCRIPTION, help_text="What it shows."
    )


class VoidSerializer(StrictSerializer):
    reason = TextField(max_length=MAX_REASON, help_text="Kept in the audit trail.")


class AttachmentSerializer(AnswerSerializer[Attachment]):
    id = serializers.IntegerField()
    entity_type = serializers.CharField()
    entity_id = serializers.CharField()
    filename = serializers.CharField(source="name")
    media_type = serializers.CharField(help_text="What its content is, whatever was said about it.")
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField(help_text="Of its content, in hexadecimal digits.")
    description = serializers.CharField(allow_blank=True)
    uploaded_at = serializers.DateTimeField()
    uploaded_by = serializers.IntegerField(source="uploaded_by_id")
    voided_at = serializers.DateTimeField(allow_null=True)
    voided_by = serializers.IntegerField(source="voided_by_id", allow_null=True)
    void_reason = serializers.CharField(allow_blank=True)
