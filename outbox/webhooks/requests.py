"""Requests as they go to endpoints: made in the relay's thread, sent in another."""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote_plus

from django.conf import settings

from outbox.webhooks import vault
from outbox.webhooks.addresses import Network
from outbox.webhooks.calling import Answer, call
from outbox.webhooks.models import ANSWER_LIMIT, ERROR_LIMIT, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.signing import PREFIX, signature_header
from outbox.webhooks.targets import Target, target_of
from qhse import tracing

logger = logging.getLogger("outbox.webhooks")

SHORTEST_SECRET = 4
"""Characters of a value in a query. A shorter one may stand anywhere in an answer, and keeps nothing secret."""


class Request(NamedTuple):
    """All that a thread needs. The `keys` are secrets: it must not be logged."""

    endpoint: int
    delivery: int
    attempts: int
    url: str
    target: Target
    message_id: str
    body: bytes
    headers: dict[str, str]
    keys: tuple[str, ...]
    allowed: tuple[Network, ...]

    def __repr__(self) -> str:
        return f"<Request delivery={self.delivery}>"


def requests_of(endpoint: WebhookEndpoint, deliveries: Iterable[WebhookDelivery], now: datetime) -> list[Request]:
    """Return the requests of deliveries to one endpoint. Raises SecretIsUnreadable, and UrlRefused."""
    allowed = tuple(settings.WEBHOOK_ALLOWED_NETWORKS)
    target = target_of(endpoint.url, strict=settings.PRODUCTION, allowed=allowed)
    keys = _keys(endpoint, now)
    return [
        Request(
            endpoint=endpoint.pk,
            delivery=delivery.pk,
            attempts=delivery.attempts,
            url=endpoint.url,
            target=target,
            message_id=str(delivery.event_id),
            body=delivery.body.encode(),
            headers=_headers(delivery),
            keys=keys,
            allowed=allowed,
        )
        for delivery in deliveries
    ]


def send(request: Request) -> Answer:
    """Sign and send a request, now. Raises nothing: a thread that ends would take its endpoint with it."""
    about: dict[str, str | int] = {"messaging.message.id": request.message_id, "qhse.attempts": request.attempts}
    kind = tracing.Kind.CLIENT
    with tracing.span("call webhook", carrier=request.headers, kind=kind, is_linked=False, **about) as span:
        try:
            answer = _called(request)
        except Exception as error:
            logger.exception("a call could not be made", extra={"delivery": request.delivery})
            answer = Answer(None, f"the call could not be made: {type(error).__name__}")
        if not answer.is_taken:
            span.describe(failed=str(answer.status or "no answer"))
    return answer


def _called(request: Request) -> Answer:
    timestamp = int(time.time())
    signed = {
        "webhook-id": request.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(request.message_id, timestamp, request.body, request.keys),
    }
    # Before the call: what cannot be hidden must not be asked for.
    secrets = _secrets(request)
    longest = max(map(len, secrets), default=0)
    answer = call(
        request.target, signed | request.headers | tracing.carrier(), request.body,
        allowed=request.allowed, context=_context(), excerpt=ANSWER_LIMIT + longest,
    )  # fmt: skip
    said = _without(secrets, answer.excerpt)
    if len(answer.excerpt.encode()) >= ANSWER_LIMIT:
        said = said[: len(said) - longest]  # where the reading ended, half a secret may stand
    return Answer(
        answer.status, _without(secrets, answer.error)[:ERROR_LIMIT],
        said[:ANSWER_LIMIT], answer.retry_after, answer.milliseconds,
    )  # fmt: skip


def _keys(endpoint: WebhookEndpoint, now: datetime) -> tuple[str, ...]:
    newest = vault.opened(endpoint.secret)
    if endpoint.previous_until is None or endpoint.previous_until <= now:
        return (newest,)
    try:
        return newest, vault.opened(endpoint.previous_secret)
    except vault.SecretIsUnreadable:
        return (newest,)


def _headers(delivery: WebhookDelivery) -> dict[str, str]:
    """Return what helps a receiver: where the event stands among those of its record, and which attempt this is."""
    headers = {"qhse-sequence": str(delivery.sequence), "qhse-attempt": str(delivery.attempts + 1)}
    if delivery.traceparent:
        headers["traceparent"] = delivery.traceparent
    return headers


def _secrets(request: Request) -> set[str]:
    """Return what must not be shown of what comes back, in each way in which a receiver may write it."""
    query = request.target.path.partition("?")[2]  # urlsplit takes `//[x` for a host that it cannot read
    values = [part.partition("=")[2] if "=" in part else part for part in query.split("&")]
    texts = {query, *values, *map(unquote_plus, values), *(key.removeprefix(PREFIX) for key in request.keys)}
    long = [text for text in texts if len(text) >= SHORTEST_SECRET]
    ways: list[Callable[[str], str]] = [
        str,
        quote,
        quote_plus,
        _in_json,
        lambda text: _in_json(text).replace("/", "\\/"),
    ]
    return {way(text) for text in long for way in ways}


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_php(text: str) -> str:
    """Return it as JSON of PHP has it, which writes slashes behind others."""
    return _in_json(text).replace("/", "\\/")


def _without(secrets: Iterable[str], text: str) -> str:
    """Take secrets out of what a receiver said: one that is set up wrongly shows its own, or the address it got."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()  # reads all authorities: 20 ms, which every call would pay
