"""What came of a call, stored: the attempt, the delivery, and how its endpoint fares."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from outbox.models import DUE_AT_ONCE
from outbox.webhooks import retry, vault
from outbox.webhooks.calling import Answer
from outbox.webhooks.choices import DeliveryStatus, PauseCause
from outbox.webhooks.metrics import CALLS
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import pause_by_system
from outbox.webhooks.targets import masked
from qhse.database import database_time
from qhse.foreign_text import store_foreign

logger = logging.getLogger("outbox.webhooks")

GONE = 410


def store(endpoint_id: int, delivery_id: int, attempts: int, url: str, answer: Answer) -> None:
    """
    Store one attempt and what follows from it, together, whatever the receiver has answered.

    The delivery moves only if it is as it was when the call was made: a person may have had it sent again meanwhile, or
    another relay may have been quicker. What the endpoint's former address has refused counts against nobody. Locks the
    endpoint, then the delivery, as services do. One that is gone leaves nothing to store: it was removed by hand, or a
    standby that had not seen it was promoted.
    """

    def store_as(error: str, excerpt: str) -> None:
        _store(endpoint_id, delivery_id, attempts, url, replace(answer, error=error, excerpt=excerpt))

    store_foreign(store_as, error=answer.error, excerpt=answer.excerpt)


@transaction.atomic(savepoint=False)
def _store(endpoint_id: int, delivery_id: int, attempts: int, url: str, answer: Answer) -> None:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None or not WebhookDelivery.objects.select_for_update(no_key=True).filter(pk=delivery_id).exists():
        logger.error("a call has no delivery any more", extra={"webhook": endpoint_id, "delivery": delivery_id})
        return
    now = database_time()
    began = now - timedelta(milliseconds=answer.milliseconds)
    WebhookAttempt.objects.create(
        delivery_id=delivery_id, at=began, url=masked(url), status_code=answer.status,
        milliseconds=answer.milliseconds, error=answer.error, answer=answer.excerpt,
    )  # fmt: skip
    as_it_was = WebhookDelivery.objects.waiting().filter(pk=delivery_id, attempts=attempts)
    CALLS.labels("taken" if answer.is_taken else "failed").inc()
    if answer.is_taken:
        as_it_was.update(status=DeliveryStatus.DELIVERED, attempts=attempts + 1, ended_at=now, last_error="")
        _is_well(endpoint)
    elif url == endpoint.url:
        _failed(endpoint, delivery_id, as_it_was, attempts + 1, answer, began, now)


def _failed(
    endpoint: WebhookEndpoint, delivery_id: int, as_it_was: object, attempts: int, answer: Answer,
    began: datetime, now: datetime,
) -> None:  # fmt: skip
    asked = retry.heeded(answer.status, answer.retry_after)
    wait = retry.wait_after(attempts, random.random())
    told = {"attempts": attempts, "last_error": answer.error}
    if wait is None:
        told |= {"status": DeliveryStatus.FAILED, "ended_at": now}
    else:
        told |= {"next_attempt_at": now + timedelta(seconds=max(wait, asked))}
    moved = as_it_was.update(**told)  # type: ignore[attr-defined]
    failures = endpoint.failures + 1
    since = endpoint.failing_since or began
    hold = max(retry.hold_after(failures, random.random()), asked)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=failures, failing_since=since, held_until=now + timedelta(seconds=hold) if hold else None,
        last_error=answer.error,
    )  # fmt: skip
    extra = {"webhook": endpoint.pk, "delivery": delivery_id, "attempts": attempts, "error": answer.error}
    logger.warning("a webhook was not taken", extra=extra)
    if answer.status == GONE:
        _pause(endpoint, PauseCause.GONE)
    elif moved and wait is None and since <= _first_attempt(delivery_id):
        _pause(endpoint, PauseCause.FAILURES if vault.is_readable(endpoint.secret) else PauseCause.SECRET)


def _first_attempt(delivery_id: int) -> datetime:
    """Return when the first attempt was made of those that have been used up."""
    # By an expression, which no index has in this order: a relay's session would read the log from its end, not sort.
    newest = WebhookAttempt.objects.filter(delivery=delivery_id).order_by((F("id") + 0).desc())
    return min(newest.values_list("at", flat=True)[: retry.MOST_ATTEMPTS])


def _is_well(endpoint: WebhookEndpoint) -> None:
    """Note that it takes calls again. After an outage, what waits for it need not wait for its next attempt."""
    if not endpoint.failures and endpoint.held_until is None:
        return
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=0, failing_since=None, held_until=None, last_error=None
    )  # fmt: skip
    if endpoint.failures >= retry.TRIPS_AT:
        WebhookDelivery.objects.waiting().filter(endpoint=endpoint).update(next_attempt_at=DUE_AT_ONCE)
        logger.info("a webhook takes calls again", extra={"webhook": endpoint.pk})


def _pause(endpoint: WebhookEndpoint, cause: PauseCause) -> None:
    if pause_by_system(webhook_id=endpoint.pk, cause=cause):
        logger.error("a webhook is paused: %s", cause.label.lower(), extra={"webhook": endpoint.pk})
