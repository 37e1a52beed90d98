"""Shapes of the operators' view of events."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from outbox.choices import EventStatus
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import TextField
from qhse.api.viewsets import StrictSerializer


class OutboxEventSerializer(AnswerSerializer[Any]):
    event_id = serializers.UUIDField()
    event_type = serializers.CharField()
    schema_version = serializers.IntegerField()
    aggregate_type = serializers.CharField()
    aggregate_id = serializers.CharField()
    payload = serializers.DictField(help_text="The fact; docs/events.md lists the keys of each type.")
    headers = serializers.DictField(help_text="request_id and actor of the change that the event announces.")
    status = serializers.ChoiceField(choices=EventStatus.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(source="due_from")
    last_error = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    processed_at = serializers.DateTimeField(allow_null=True)
    dismissed_at = serializers.DateTimeField(allow_null=True)


class RequeueSerializer(StrictSerializer):
    reason = TextField(max_length=2000, help_text="Why the event may succeed now; kept in the audit log.")


class DismissSerializer(StrictSerializer):
    reason = TextField(max_length=2000, help_text="Why the event need not be handled; kept in the audit log.")
