"""What workers do for webhooks between batches."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from outbox.webhooks import vault
from outbox.webhooks.choices import DeliveryStatus
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from qhse.database import bound_transaction
from qhse.periodic import periodic

KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500


@periodic(every_seconds=3_600)
def forget_deliveries() -> bool:
    """Remove deliveries of long ago, with their attempts. What waits goes only if its endpoint has long been paused."""
    old = Now() - KEPT_FOR
    stuck = Q(status=DeliveryStatus.WAITING)
    given_up = Q(created_at__lt=old) & (~stuck | Q(endpoint__paused_at__lt=old))
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        chosen = WebhookDelivery.objects.filter(given_up).order_by("created_at")
        # Locked: a person may have one sent again just now, or what came of its call is being stored.
        chosen = chosen.select_for_update(of=("self",), skip_locked=True)
        ids = list(chosen.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
        WebhookAttempt.objects.filter(delivery__in=ids).delete()
        WebhookDelivery.objects.filter(pk__in=ids).delete()
    return len(ids) == FORGOTTEN_AT_ONCE


@periodic(every_seconds=600)
def encrypt_anew() -> bool:
    """Encrypt by the present SECRET_KEY what a former one still opens, before that is taken away."""
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        endpoints = list(WebhookEndpoint.objects.exclude(secret=""))
    for endpoint in endpoints:
        for name in ("secret", "previous_secret"):
            _encrypt_anew(endpoint, name)
    return False


def _encrypt_anew(endpoint: WebhookEndpoint, name: str) -> None:
    stored = getattr(endpoint, name)
    if not stored or vault.is_current(stored):
        return
    if not vault.is_readable(stored):
        return  # the courier says so when it calls
    anew = vault.close(vault.opened(stored))
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        # Only what was read: a rotation may have come between.
        WebhookEndpoint.objects.filter(pk=endpoint.pk, **{name: stored}).update(**{name: anew})
