"""The shape of an audit entry on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import AuditEntry
from qhse.api.answers import AnswerSerializer


class AuditMetadataSerializer(AnswerSerializer[Any]):
    request_id = serializers.CharField()
    source = serializers.ChoiceField(choices=("api", "admin", "command", "worker"))  # type: ignore[assignment]
    actor_id = serializers.IntegerField(allow_null=True)
    client_address = serializers.CharField(help_text="Of logins and refusals; else empty.")


class AuditEntrySerializer(AnswerSerializer[AuditEntry]):
    id = serializers.IntegerField()
    created_at = serializers.DateTimeField(allow_null=True, help_text="Null if somebody stored what is no time.")
    actor = serializers.CharField(help_text="The name at that time; `system` for the worker.")
    actor_role = serializers.CharField(help_text="The role at that time.")
    action = serializers.CharField()
    entity_type = serializers.CharField()
    entity_id = serializers.CharField()
    changes = serializers.SerializerMethodField(help_text="Field → [old, new].")
    reason = serializers.CharField(source="shown_reason", allow_blank=True)
    metadata = AuditMetadataSerializer(source="*", read_only=True)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2}})
    def get_changes(self, entry: AuditEntry) -> dict[str, Any]:
        return entry.shown_changes
