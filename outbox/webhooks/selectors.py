"""What may be sent now, and how webhooks fare."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from outbox.outgoing import LANES
from outbox.webhooks import retry
from outbox.webhooks.choices import EndpointStatus
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint


def _waits(until: str, most_seconds: float) -> Q:
    """Return the condition that a moment is still to come. No clock that was ahead makes anything wait for longer."""
    return Q(**{f"{until}__gt": Now(), f"{until}__lte": Now() + timedelta(seconds=most_seconds)})


def _is_held() -> Q:
    return _waits("held_until", retry.MOST_HOLD)


def _waits_for_retry() -> Q:
    return _waits("next_attempt_at", retry.MOST_WAIT)


def may_be_sent() -> QuerySet[WebhookDelivery]:
    """
    Return the deliveries that are due, oldest first, and behind none that waits for a retry.

    Behind means later of the same endpoint and subject. Two of one subject that are both due come in their order.
    """
    waiting = WebhookDelivery.objects.waiting()
    # A range of one subject, in its order: only the index by subject has that. Where all that waits is of one subject,
    # the other index looks as good to the planner, which then read all rows before each of them: 20,000 in 20 seconds.
    before = waiting.annotate(place=F("id") + 0).filter(
        endpoint=OuterRef("endpoint"), subject__gte=OuterRef("subject"), subject__lte=OuterRef("subject"),
        by_hand=False, place__lt=OuterRef("id"),
    ).filter(_waits_for_retry()).order_by("subject", "place")  # fmt: skip
    return (
        waiting.exclude(_waits_for_retry())
        .alias(held_back_by=Subquery(before.values("id")[:1]))
        .filter(Q(by_hand=True) | Q(held_back_by=None))
        .order_by(F("id") + 0)
    )  # fmt: skip


def callable_endpoints(lanes: Collection[int], busy: Collection[int]) -> list[WebhookEndpoint]:
    """
    Return active endpoints of these lanes that have something to be sent and may be called now, oldest work first.

    Not those that are `busy`, and not those that are held because they failed.
    """
    first = may_be_sent().filter(endpoint=OuterRef("pk")).values("id")[:1]
    return list(
        WebhookEndpoint.objects.active()
        .annotate(lane=F("id") % LANES)
        .filter(lane__in=list(lanes))
        .filter(Q(held_until=None) | ~_is_held())
        .exclude(pk__in=list(busy))
        .annotate(first=Subquery(first))
        .filter(first__isnull=False)
        .order_by("first")
    )


def next_due_seconds(lanes: Collection[int]) -> float | None:
    """
    Return the seconds until a time comes at which an endpoint of these lanes may have something to be sent.

    None if there is none. For a caller who found nothing to be sent: what is due stands behind something else, and only
    a later moment changes that. Counting it would have relays ask without a pause for as long as a receiver fails.
    """
    endpoints = WebhookEndpoint.objects.active().annotate(lane=F("id") % LANES).filter(lane__in=list(lanes))
    is_free = Q(held_until=None) | ~_is_held()
    later = WebhookDelivery.objects.waiting().filter(_waits_for_retry(), endpoint__in=endpoints.filter(is_free))
    lefts = (
        later.aggregate(left=Min("next_attempt_at") - Now())["left"],
        endpoints.filter(_is_held()).aggregate(left=Min("held_until") - Now())["left"],
    )
    return min((max(0.0, left.total_seconds()) for left in lefts if left is not None), default=None)


class WebhookStatus(NamedTuple):
    active: int
    paused: int
    paused_by_system: int
    failing: int
    waiting: int


def webhook_status() -> WebhookStatus:
    active = WebhookEndpoint.objects.active()
    return WebhookStatus(
        active=active.count(),
        paused=WebhookEndpoint.objects.filter(status=EndpointStatus.PAUSED).count(),
        paused_by_system=WebhookEndpoint.objects.paused_by_system().count(),
        failing=active.filter(failures__gt=0).count(),
        waiting=WebhookDelivery.objects.waiting().filter(endpoint__status=EndpointStatus.ACTIVE).count(),
    )
