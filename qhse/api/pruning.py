"""Removal of what has served its time: kept answers, ended logins, counters, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from qhse.accounts.models import FamiliarAddress, LoginCounter, TokenFamily
from qhse.database import database_time
from qhse.repeats.models import IdempotencyRecord

PRUNE_BATCH = 5_000
FAMILIAR_DAYS = 180


def prune_expired(*, keys_older_than_days: int) -> Iterator[tuple[str, int]]:
    """
    Remove what nobody can need any more. Yield what was removed, and how much, after each batch.

    Answers under an Idempotency-Key go after so many days; the same key then begins a new write. So do token families
    whose last refresh token has expired, counters whose window is over, addresses unused for FAMILIAR_DAYS days, and
    expired sessions. Each batch commits for itself. Rows that somebody else holds are passed over. It may run beside
    everything and be repeated.
    """
    now = database_time()
    window = timedelta(seconds=settings.LOGIN_WINDOW)
    keys_before = now - timedelta(days=keys_older_than_days)
    kinds: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("idempotency keys", IdempotencyRecord.objects.filter(created_at__lt=keys_before)),
        ("token families", TokenFamily.objects.filter(expires_at__lt=now - timedelta(seconds=settings.TOKEN_LEEWAY))),
        ("login counters", LoginCounter.objects.filter(window_started_at__lt=now - window)),
        ("familiar addresses", FamiliarAddress.objects.filter(last_login_at__lt=now - timedelta(days=FAMILIAR_DAYS))),
        ("sessions", Session.objects.filter(Q(expire_date__lt=now))),
    )
    for what, rows in kinds:
        while True:
            with transaction.atomic():
                chosen = rows.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True)
                removed = rows.model._default_manager.filter(pk__in=list(chosen[:PRUNE_BATCH])).delete()[0]
            if removed:
                yield what, removed
            if removed < PRUNE_BATCH:
                break
