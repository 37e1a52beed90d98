"""Endpoints, what is to be delivered to them, and each attempt."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from outbox.models import DUE_AT_ONCE
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus, PauseCause
from outbox.webhooks.targets import MAX_URL, masked

EVERY_TYPE = "*"
ERROR_LIMIT = 300
ANSWER_LIMIT = 2_048
SHOWN_TRIES = 50


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def active(self) -> WebhookEndpointQuerySet:
        return self.filter(status=EndpointStatus.ACTIVE)

    def paused_by_system(self) -> WebhookEndpointQuerySet:
        return self.filter(status=EndpointStatus.PAUSED).exclude(paused_because=PauseCause.PERSON)


class WebhookEndpoint(models.Model):
    """
    An address to which events are sent. Endpoints are never deleted, only paused.

    Active: events of its `event_types` become deliveries, and these are sent. Paused: neither. What waited goes on
    waiting; what is published meanwhile is not sent later. A person pauses and resumes it by `services`; the courier
    pauses one that takes nothing for a day, or has gone. One whose secret it cannot read takes nothing.

    Events behind `skips_after` and up to `skips_until` are not for this endpoint, however late the relay spreads them:
    those from before it was made, or from the last time for which it was paused. They are ids and no times, because
    clocks are set back. None is unknown, or no end yet. In the same way events up to `types_after` go by the
    `former_types`.

    `secret` and `previous_secret` are encrypted (`vault`). The previous one signs too until `previous_until`. How the
    calls go is the courier's: `failures` in a row since `failing_since`, the last one by `last_error`; before
    `held_until` it is not called. `version` counts what people changed, and pauses.
    """

    url = models.CharField(max_length=MAX_URL)
    description = models.CharField(max_length=200, blank=True, default="")
    event_types = models.JSONField()
    status = models.CharField(max_length=10, choices=EndpointStatus.choices, default=EndpointStatus.ACTIVE)
    paused_because = models.CharField(max_length=20, choices=PauseCause.choices, blank=True, default="")
    paused_at = models.DateTimeField(null=True, blank=True)
    secret = models.TextField()
    secret_since = models.DateTimeField(db_default=Now())
    previous_secret = models.TextField(blank=True, default="")
    previous_until = models.DateTimeField(null=True, blank=True)
    skips_after = models.BigIntegerField(null=True, editable=False)
    skips_until = models.BigIntegerField(null=True, editable=False)
    former_types = models.JSONField(null=True, editable=False)
    types_after = models.BigIntegerField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=ERROR_LIMIT, null=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook"
        ordering = ("id",)
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(status=EndpointStatus.ACTIVE, paused_because="", paused_at__isnull=True)
                | Q(status=EndpointStatus.PAUSED, paused_because__in=PauseCause.values, paused_at__isnull=False),
                name="webhook_paused_has_its_cause_and_time",
                violation_error_message="A paused endpoint has a cause and a time; an active one has neither.",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until__isnull=True)
                | (~Q(previous_secret="") & Q(previous_until__isnull=False)),
                name="webhook_previous_secret_has_its_end",
                violation_error_message="A previous secret has an end; without one there is no end.",
            ),
        )
        indexes = (
            # What each publishing statement asks: is there an active one?
            models.Index(fields=("id",), condition=Q(status=EndpointStatus.ACTIVE), name="webhook_active"),
        )

    def __str__(self) -> str:
        return self.description or masked(self.url)

    @property
    def is_active(self) -> bool:
        return self.status == EndpointStatus.ACTIVE

    @property
    def fails_because(self) -> str:
        """Why its last call failed; nothing once one was taken, whichever version of the relay has stored that."""
        return (self.last_error or "") if self.failures else ""

    def was_active(self, event_id: int, moment: datetime) -> bool:
        """Answer whether it was active when this event was published, as far as is known."""
        if self.skips_after is not None and self.is_active == (self.skips_until is not None):
            return event_id <= self.skips_after or (self.skips_until is not None and event_id > self.skips_until)
        # A former version, which does not note it, has paused or resumed it.
        return self.is_active or (self.paused_at is not None and moment <= self.paused_at)

    def wanted(self, event_id: int, event_type: str) -> bool:
        """Answer whether it wanted this type when this event was published, as far as is known."""
        is_former = self.types_after is not None and event_id <= self.types_after
        types: list[str] = (self.former_types or []) if is_former else self.event_types
        return event_type in types or EVERY_TYPE in types


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def waiting(self) -> WebhookDeliveryQuerySet:
        return self.filter(status=DeliveryStatus.WAITING)


class WebhookDelivery(models.Model):
    """
    One event for one endpoint. It is both what the courier has to do and the log of what it did.

    Waiting: to be sent, at `next_attempt_at` or later. Delivered: the endpoint answered with 2xx. Failed: the attempts
    are used up. A person has one sent again; `by_hand` then says that it takes no part in the order of its `subject`.

    The `body` is written once, so that each attempt sends the same bytes. `sequence` is the event's id in the outbox.
    Rows go out in the order of their ids among those of one endpoint; one that waits for a retry holds back the later
    ones of its subject.
    """

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event_id = models.UUIDField()
    sequence = models.BigIntegerField()
    event_type = models.CharField(max_length=100)
    subject = models.CharField(max_length=115)
    body = models.TextField()
    traceparent = models.CharField(max_length=100, blank=True, default="")
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING)
    by_hand = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=DUE_AT_ONCE)
    last_error = models.CharField(max_length=ERROR_LIMIT, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        ordering = ("-id",)
        default_permissions = ("view", "change")
        constraints = (
            models.UniqueConstraint(
                fields=("endpoint", "event_id"),
                name="webhook_delivery_is_made_once",
                violation_error_message="The endpoint has a delivery of this event already.",
            ),
            models.CheckConstraint(
                condition=Q(status=DeliveryStatus.WAITING, ended_at__isnull=True)
                | Q(status__in=(DeliveryStatus.DELIVERED, DeliveryStatus.FAILED), ended_at__isnull=False),
                name="webhook_delivery_ended_has_its_time",
                violation_error_message="A delivery that has ended has the time of its end; no other has one.",
            ),
        )
        indexes = (
            # Expressions that only these have, as in `outbox_pending_by_aggregate`: statistics of a table whose rows
            # wait for moments are never true.
            models.Index(
                "endpoint",
                models.F("id") + 0,
                condition=Q(status=DeliveryStatus.WAITING),
                name="webhook_waiting",
            ),
            models.Index(
                "endpoint",
                "subject",
                models.F("id") + 0,
                condition=Q(status=DeliveryStatus.WAITING),
                name="webhook_waiting_by_subject",
            ),
            models.Index(fields=("endpoint", "-id"), name="webhook_log"),
            models.Index(fields=("created_at",), name="webhook_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"

    @staticmethod
    def not_due() -> Q:
        """Return the condition on deliveries that sending again would change something of."""
        return ~Q(status=DeliveryStatus.WAITING, attempts=0)

    @property
    def newest_tries(self) -> list[WebhookAttempt]:
        return list(self.tries.order_by("-id")[:SHOWN_TRIES])[::-1]

    @property
    def version(self) -> int:
        """Return what every attempt and every decision changes, for pages that ask whether it is still the same."""
        return int(self.next_attempt_at.timestamp()) * 100 + self.attempts + 1


class WebhookAttempt(models.Model):
    """One call and what came of it: `status_code` is None where no answer came, and `error` says why it did not do."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    url = models.CharField(max_length=MAX_URL)
    status_code = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    error = models.CharField(max_length=ERROR_LIMIT, blank=True, default="")
    answer = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.at}: {self.status_code or self.error}"
