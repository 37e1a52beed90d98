"""What people do to webhooks: create, change, pause and resume them, rotate their secrets, send a delivery again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from audit.services import Actor, record
from outbox.events import event_types as known_types
from outbox.models import DUE_AT_ONCE, OutboxEvent
from outbox.webhooks import vault
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus, PauseCause
from outbox.webhooks.errors import (
    EventTypesAreUnknown,
    WebhookDeliveryNotFound,
    WebhookIsPaused,
    WebhookNotFound,
    WebhookSecretIsUnreadable,
    WebhookUrlIsRefused,
)
from outbox.webhooks.models import EVERY_TYPE, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.signing import new_secret
from outbox.webhooks.targets import UrlRefused, masked, target_of
from qhse.database import database_time
from qhse.errors import InvalidInput, demand_version
from qhse.text import LineRefused, one_line, plain
from qhse.wakeup import wake_workers

PREVIOUS_SIGNS_FOR = timedelta(hours=24)
MOST_DESCRIPTION = 200


@transaction.atomic
def create_webhook(
    *, url: str, event_types: Collection[str], actor: Actor, description: str = ""
) -> tuple[WebhookEndpoint, str]:
    """
    Create an endpoint and return it with its secret, which nobody can read again.

    The row and its audit entry are stored together. It receives what is published after this transaction. Raises
    WebhookUrlIsRefused, EventTypesAreUnknown, and InvalidInput for a description that is no single line.
    """
    secret = new_secret()
    endpoint = WebhookEndpoint(
        url=_checked_url(url),
        description=_checked_description(description),
        event_types=_checked_types(event_types),
        secret=vault.close(secret),
        created_by_id=actor.pk,
        skips_after=0,
        skips_until=_newest_event(),
    )
    endpoint.save(force_insert=True)
    shown = {"url": masked(endpoint.url), "description": endpoint.description, "event_types": endpoint.event_types}
    _note(endpoint, actor, "WEBHOOK_CREATED", {name: (None, value) for name, value in shown.items()})
    return endpoint, secret


@transaction.atomic
def change_webhook(
    *,
    webhook_id: int,
    actor: Actor,
    changes: dict[str, Any],
    reason: str = "",
    expected_versions: Collection[int] | None = None,
) -> WebhookEndpoint:
    """
    Change `url`, `description`, `event_types` or `is_active` of an endpoint, under its lock.

    Resuming one, or giving it another address, lets what waits go at once, with attempts counted anew: what the former
    address has refused counts no more. What is so already stores nothing. Raises as
    `create_webhook` does; WebhookNotFound, RecordHasChanged; WebhookSecretIsUnreadable when it is to be resumed and
    could not sign.
    """
    endpoint = _locked(webhook_id, expected_versions)
    real = _differences(endpoint, changes)
    is_active = changes.get("is_active", endpoint.is_active)
    if not real and is_active == endpoint.is_active:
        return endpoint
    if real:
        shown = {name: pair if name != "url" else tuple(map(masked, pair)) for name, pair in real.items()}
        _note(endpoint, actor, "WEBHOOK_CHANGED", shown, plain(reason))
    for name, (_, value) in real.items():
        setattr(endpoint, name, value)
    if "url" in real:
        _begin_anew(endpoint)
    if "event_types" in real:
        endpoint.former_types, endpoint.types_after = real["event_types"][0], _newest_event()
    if is_active != endpoint.is_active:
        (_resume if is_active else _pause)(endpoint, actor, plain(reason))
    endpoint.version += 1
    endpoint.save()
    return endpoint


@transaction.atomic
def rotate_secret(
    *, webhook_id: int, actor: Actor, reason: str = "", expected_versions: Collection[int] | None = None
) -> tuple[WebhookEndpoint, str]:
    """
    Give an endpoint a new secret and return both. The former one signs beside it for PREVIOUS_SIGNS_FOR.

    The one before that ends at once. A former one that cannot be read here stays too: the relay may have its key. Locks
    the endpoint. Raises WebhookNotFound, RecordHasChanged.
    """
    endpoint = _locked(webhook_id, expected_versions)
    secret, now = new_secret(), database_time()
    until = now + PREVIOUS_SIGNS_FOR
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, until
    endpoint.secret, endpoint.secret_since = vault.close(secret), now
    endpoint.version += 1
    endpoint.save()
    _note(endpoint, actor, "WEBHOOK_SECRET_ROTATED", {"previous_until": (None, until)}, plain(reason))
    return endpoint, secret


@transaction.atomic
def pause_by_system(*, webhook_id: int, cause: PauseCause) -> bool:
    """Pause an active endpoint because of what its calls have shown. False if it is not active any more."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=webhook_id).first()
    if endpoint is None or not endpoint.is_active:
        return False
    _pause(endpoint, None, "", cause)
    endpoint.version += 1
    endpoint.save()
    return True


@transaction.atomic
def retry_delivery(*, webhook_id: int, delivery_id: int, actor: Actor, reason: str = "") -> WebhookDelivery:
    """
    Have one delivery sent again, at once, with its attempts counted anew. One that was delivered is sent once more.

    The row and its audit entry are stored together. One that is due already is left as it is. Raises WebhookNotFound,
    WebhookDeliveryNotFound, and WebhookIsPaused.
    """
    # Shared with `change_webhook`: a pause and a retry at once take turns.
    endpoint = _locked(webhook_id, None)
    delivery = WebhookDelivery.objects.select_for_update(no_key=True).filter(endpoint=endpoint, pk=delivery_id).first()
    if delivery is None:
        raise WebhookDeliveryNotFound(f"Webhook {webhook_id} has no delivery {delivery_id}.")
    if not endpoint.is_active:
        raise WebhookIsPaused("The webhook is paused: make it active first.")
    if delivery.status == DeliveryStatus.WAITING and delivery.attempts == 0:
        return delivery
    before = delivery.status, delivery.attempts
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        status=DeliveryStatus.WAITING,
        # One that still waits keeps its place in the order.
        by_hand=delivery.by_hand or delivery.status != DeliveryStatus.WAITING,
        attempts=0,
        next_attempt_at=Now(),
        ended_at=None,
    )
    # A person asks for it now; so does whoever waits for the endpoint to be called again.
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(held_until=None)
    delivery.refresh_from_db()
    record(
        actor=actor,
        action="WEBHOOK_DELIVERY_RETRIED",
        entity_type="webhook_delivery",
        entity_id=delivery.pk,
        changes={"status": (before[0], delivery.status), "attempts": (before[1], 0)},
        reason=plain(reason),
    )
    wake_workers()
    return delivery


def _locked(webhook_id: int, expected_versions: Collection[int] | None) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=webhook_id).first()
    if endpoint is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id}.")
    demand_version(endpoint.version, expected_versions)
    return endpoint


def _differences(endpoint: WebhookEndpoint, changes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return (old, new) of what changes. What stands there already is not judged: a rule may be younger than it."""
    checks = {"url": _checked_url, "description": _checked_description, "event_types": _checked_types}
    real = {}
    for name, check in checks.items():
        old = getattr(endpoint, name)
        if name in changes and changes[name] != old and (new := check(changes[name])) != old:
            real[name] = (old, new)
    return real


def _pause(
    endpoint: WebhookEndpoint, actor: Actor | None, reason: str, cause: PauseCause = PauseCause.PERSON
) -> None:  # fmt: skip
    endpoint.status, endpoint.paused_because = EndpointStatus.PAUSED, cause
    endpoint.paused_at = database_time()
    endpoint.skips_after, endpoint.skips_until = _newest_event(), None
    changes = {"status": (EndpointStatus.ACTIVE, EndpointStatus.PAUSED), "paused_because": (None, cause)}
    _note(endpoint, actor, "WEBHOOK_PAUSED", changes, reason)


def _resume(endpoint: WebhookEndpoint, actor: Actor, reason: str) -> None:
    if not vault.is_readable(endpoint.secret):
        raise WebhookSecretIsUnreadable(
            "The secret cannot be read. If its SECRET_KEY is known still, give it to all processes in "
            "AUDIT_KEY_FALLBACKS. If it is lost, rotate it, then make the webhook active."
        )
    cause, endpoint.paused_because = endpoint.paused_because, ""
    endpoint.status, endpoint.paused_at = EndpointStatus.ACTIVE, None
    endpoint.skips_until = _newest_event()
    _begin_anew(endpoint)
    changes = {"status": (EndpointStatus.PAUSED, EndpointStatus.ACTIVE), "paused_because": (cause, None)}
    _note(endpoint, actor, "WEBHOOK_RESUMED", changes, reason)


def _begin_anew(endpoint: WebhookEndpoint) -> None:
    """Forget how its calls went, and let what waits go at once, with attempts counted anew."""
    endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
    endpoint.last_error = None
    WebhookDelivery.objects.waiting().filter(endpoint=endpoint).update(attempts=0, next_attempt_at=DUE_AT_ONCE)
    wake_workers()


def _newest_event() -> int:
    return OutboxEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _note(endpoint: WebhookEndpoint, actor: Actor | None, action: str, changes: Any, reason: str = "") -> None:
    record(
        actor=actor, action=action, entity_type="webhook", entity_id=endpoint.pk, changes=changes, reason=reason
    )  # fmt: skip


def _checked_url(url: str) -> str:
    try:
        target_of(url, strict=settings.PRODUCTION, allowed=settings.WEBHOOK_ALLOWED_NETWORKS)
    except UrlRefused as refusal:
        raise WebhookUrlIsRefused(str(refusal), field="url") from None
    return url


def _checked_description(description: str) -> str:
    try:
        description = one_line(description, called="description")
    except LineRefused as refusal:
        raise InvalidInput(str(refusal), field="description") from None
    if len(description) > MOST_DESCRIPTION:
        raise InvalidInput(f"At most {MOST_DESCRIPTION} characters.", field="description")
    return description


def _checked_types(types: Iterable[str]) -> list[str]:
    wanted = sorted(set(types))
    if not wanted:
        raise EventTypesAreUnknown("Name at least one type, or * for all.", field="event_types")
    if unknown := [each for each in wanted if each != EVERY_TYPE and each not in known_types]:
        raise EventTypesAreUnknown(
            f"There is no event type {unknown[0][:100]!r}. Known: {', '.join(sorted(known_types))}; or * for all.",
            field="event_types",
        )
    return [EVERY_TYPE] if EVERY_TYPE in wanted else wanted
