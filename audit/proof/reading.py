"""Reads a trail of which nothing is believed: rows may be unreadable, repeated or forged."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.models import AuditEntry, AuditSeal, SealingTurn
from audit.proof.documents import UNREADABLE
from audit.proof.marks import is_ours

T = TypeVar("T")
M = TypeVar("M", AuditEntry, AuditSeal)

CHUNK = 1_000  # entries that are read at once
SEALS_AT_ONCE = 100
LEAST_SECONDS = 300.0  # see held_up_after
MOST_FOREIGN = (
    1_000  # seals of others that a page or a sealer passes over, if it is not told where the last one of ours is
)
MOST_FOREIGN = 1_000  # rows of others that a look for the newest of ours passes over


@dataclass(slots=True)
class Rows:
    """Rows by key, and the keys of those that cannot be read. While the primary key stands, a key has one row."""

    found: dict[int, list[Any]] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)

    def one(self, key: int) -> Any | None:
        return self.found[key][0] if key in self.found else None

    def __or__(self, other: Rows) -> Rows:
        return Rows(self.found | other.found, self.unreadable | other.unreadable)


def read(model: type[models.Model], keys: Collection[int]) -> Rows:
    """Return the rows with these keys, around those that cannot be read."""
    chosen = list(dict.fromkeys(keys))
    rows = Rows()
    try:
        for row in model._default_manager.filter(pk__in=chosen).order_by():
            rows.found.setdefault(row.pk, []).append(row)
    except UNREADABLE:
        if len(chosen) == 1:
            return Rows(unreadable=set(chosen))
        half = len(chosen) // 2
        return read(model, chosen[:half]) | read(model, chosen[half:])
    return rows


def batches(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


def ours(rows: models.QuerySet[M], *, past: float = math.inf) -> Iterator[M]:
    """Yield the rows that the application has made, the newest first. End after so many that others have made."""
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    batch = list(keys[:1])  # it nearly always is the last one
    foreign = 0
    while batch and foreign < past:
        found = read(rows.model, batch).found
        for key in batch:
            genuine = [row for row in found.get(key, ()) if is_ours(row)]
            foreign += not genuine
            yield from genuine
        batch = list(keys.filter(pk__lt=batch[-1])[:SEALS_AT_ONCE])


def chain() -> models.QuerySet[AuditSeal]:
    """
    Return the seals up to the last one of the application.

    The sealers note which one that is, and whoever may only insert cannot change the note. So the seals that they put
    behind it cost nothing. Where the note names a seal that is not there, all are returned.
    """
    seals = AuditSeal.objects.all()
    last = SealingTurn.objects.values_list("seal", flat=True).first()
    return seals.filter(number__lte=last) if last and seals.filter(number=last).exists() else seals


def newest_seal(**conditions: Any) -> AuditSeal | None:
    """Return the last seal of the application under these conditions."""
    return next(ours(chain().filter(**conditions), past=math.inf if conditions else MOST_FOREIGN), None)


def oldest_waiting() -> AuditEntry | None:
    """Return the oldest entry of the application that waits for its seal, among the first that do. Three queries."""
    head = newest_seal()
    since = Q(created_at__gte=head.horizon) if head and head.horizon else Q()
    ids = AuditEntry.objects.unsealed().filter(since).order_by("created_at").values_list("pk", flat=True)
    found = read(AuditEntry, list(ids[:SEALS_AT_ONCE])).found
    genuine = [row for rows in found.values() for row in rows if is_ours(row)]
    return min(genuine, key=lambda entry: entry.created_at, default=None)


def held_up_after() -> timedelta:
    """Return the age at which an entry that no seal covers is a finding: its seal should be there long since."""
    return timedelta(seconds=max(LEAST_SECONDS, 30 * settings.AUDIT_SEAL_INTERVAL))
