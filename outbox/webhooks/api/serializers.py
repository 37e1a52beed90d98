"""Shapes of webhooks on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from outbox.webhooks.choices import DeliveryStatus, EndpointStatus, PauseCause
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import MOST_DESCRIPTION
from outbox.webhooks.targets import MAX_URL
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import TextField, TrueFalseField
from qhse.api.viewsets import StrictSerializer

MOST_TYPES = 200
_URL = "https, port 443, a host on the public internet. No user name, no fragment. Its query is shown nowhere else."
_TYPES = "Event types as docs/events.md lists them, or * alone for all, later ones included."


def _types(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=TextField(max_length=100), allow_empty=False, max_length=MOST_TYPES, help_text=_TYPES, **kwargs
    )


class WebhookCreateSerializer(StrictSerializer):
    url = TextField(max_length=MAX_URL, help_text=_URL)
    event_types = _types()
    description = TextField(required=False, allow_blank=True, default="", max_length=MOST_DESCRIPTION)


class WebhookChangeSerializer(StrictSerializer):
    url = TextField(required=False, max_length=MAX_URL, help_text=_URL)
    event_types = _types(required=False)
    description = TextField(required=False, allow_blank=True, max_length=MOST_DESCRIPTION)
    is_active = TrueFalseField(required=False, help_text="false pauses it, true resumes it.")
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


class WebhookReasonSerializer(StrictSerializer):
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


class WebhookSerializer(AnswerSerializer[WebhookEndpoint]):
    id = serializers.IntegerField()
    url = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    event_types = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=EndpointStatus.choices)
    paused_because = serializers.ChoiceField(
        choices=[("", "Active"), *PauseCause.choices],
        help_text="Empty while active. All but `person`: the system has paused it, and somebody should look.",
    )
    paused_at = serializers.DateTimeField(allow_null=True, help_text="What is published from then on is not sent.")
    secret_since = serializers.DateTimeField()
    previous_secret_until = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until then the former secret signs too."
    )
    failures = serializers.IntegerField(help_text="Failed calls since the last that was taken.")
    failing_since = serializers.DateTimeField(allow_null=True)
    held_until = serializers.DateTimeField(allow_null=True, help_text="It has failed, and is not called before then.")
    last_error = serializers.CharField(
        source="fails_because", allow_blank=True, help_text="Why the last call failed. Empty once one was taken."
    )
    created_at = serializers.DateTimeField()
    created_by = serializers.IntegerField(source="created_by_id")


class WebhookSecretSerializer(WebhookSerializer):
    secret = serializers.CharField(
        allow_null=True,
        help_text="Shown here and never again. Null in the repetition of an answer: if it was lost, rotate it.",
    )


class DeliverySerializer(AnswerSerializer[WebhookDelivery]):
    id = serializers.IntegerField()
    event_id = serializers.UUIDField(help_text="Sent as `webhook-id`.")
    event_type = serializers.CharField()
    subject = serializers.CharField(help_text="The record that the event is about.")
    sequence = serializers.IntegerField(help_text="Of one subject, a higher one is newer. Sent as `qhse-sequence`.")
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    attempts = serializers.IntegerField(help_text="Since it was made, or since somebody had it sent again.")
    next_attempt_at = serializers.DateTimeField(help_text="While it waits. In the past: as soon as possible.")
    last_error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class AttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    url = serializers.CharField(help_text="Where it went, without the query.")
    status_code = serializers.IntegerField(allow_null=True, help_text="Null: no answer came.")
    milliseconds = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    answer = serializers.CharField(allow_blank=True, help_text="The first 2 KiB of it.")


class DeliveryDetailSerializer(DeliverySerializer):
    body = serializers.CharField(help_text="What is sent, byte by byte the same in each attempt.")
    tries = AttemptSerializer(source="newest_tries", many=True, help_text="The newest 50, oldest first.")
