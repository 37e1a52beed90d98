"""Leaves an audit entry of what a person's role did not allow, and counts the repetitions."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.http import HttpRequest
from rest_framework.request import Request

from audit.services import entry_for, record_all
from qhse.api.models import RefusalCounter
from qhse.database import bound_transaction, database_time

logger = logging.getLogger("qhse.api")

WINDOW = timedelta(minutes=1)
MOST_AT_ONCE = 500  # counters in a transaction of the job
_MAX_PATH = 200  # characters


def note_refusal(request: HttpRequest | Request) -> None:
    """
    Record ACCESS_DENIED with user, route and address, in a transaction of its own.

    The first refusal of a user at a route has an entry at once. Further ones within WINDOW of it are counted, by row
    lock and so exactly. The next entry has their number. If the database is away the refusal stays the answer, and the
    log alone has it.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return
    route = f"/{request.resolver_match.route if request.resolver_match else ''}"
    try:
        with transaction.atomic():
            repeats = _count(user, str(request.method), route)
            if repeats is not None:
                reason = f"{request.method} {request.path_info[:_MAX_PATH]}"
                _record(user, route[:64], repeats, reason, with_address=True)
    except (DatabaseError, InterfaceError):
        logger.exception("a refusal could not be recorded")


def record_what_was_counted() -> bool:
    """Record the refusals that no later one of the same kind has brought into the trail. True if there may be more."""
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        now = database_time()
        # In the future lies what was counted while the clock was ahead.
        over = RefusalCounter.objects.filter(Q(recorded_at__lt=now - WINDOW) | Q(recorded_at__gt=now + WINDOW))
        chosen = list(over.select_for_update(skip_locked=True, of=("self",)).select_related("user")[:MOST_AT_ONCE])
        for counter in chosen:
            if counter.repeats:
                _record(counter.user, counter.route, counter.repeats, "again")
        RefusalCounter.objects.filter(pk__in=[counter.pk for counter in chosen]).delete()
    return len(chosen) == MOST_AT_ONCE


def _count(user: Any, method: str, route: str) -> int | None:
    """Count a refusal. Return how many before it have no entry if this one has to have one, else None."""
    pk = hashlib.sha256(json.dumps([user.pk, method, route]).encode()).hexdigest()
    RefusalCounter.objects.bulk_create([RefusalCounter(pk=pk, user=user, route=route[:64])], ignore_conflicts=True)
    counter = RefusalCounter.objects.select_for_update().annotate(now=Now()).filter(pk=pk).first()
    if counter is None:  # the job has just removed it, and written what it held
        return _count(user, method, route)
    mine = RefusalCounter.objects.filter(pk=pk)
    if counter.recorded_at is not None and abs(counter.now - counter.recorded_at) < WINDOW:
        mine.update(repeats=F("repeats") + 1)
        return None
    mine.update(repeats=0, recorded_at=counter.now)
    return counter.repeats


def _record(user: Any, route: str, repeats: int, reason: str, *, with_address: bool = False) -> None:
    record_all([entry_for(
        actor=user, action="ACCESS_DENIED", entity_type="route", entity_id=route, reason=reason,
        changes={"refused_in_between": (None, repeats)} if repeats else {}, with_address=with_address,
    )])  # fmt: skip
