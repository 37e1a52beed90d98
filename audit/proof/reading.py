"""Reads a trail of which nothing is believed: rows may be unreadable, repeated or forged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from django.db import models

from audit.models import AuditEntry, AuditSeal
from audit.proof.documents import UNREADABLE
from audit.proof.marks import is_ours

T = TypeVar("T")
M = TypeVar("M", AuditEntry, AuditSeal)

CHUNK = 1_000  # entries that are read at once
SEALS_AT_ONCE = 100


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


def ours(rows: models.QuerySet[M]) -> Iterator[M]:
    """Yield the rows that the application has made, the newest first, past all others."""
    keys = rows.order_by("-pk").values_list("pk", flat=True)
    batch = list(keys[:1])  # it nearly always is the last one
    while batch:
        found = read(rows.model, batch).found
        for key in batch:
            yield from filter(is_ours, found.get(key, ()))
        batch = list(keys.filter(pk__lt=batch[-1])[:SEALS_AT_ONCE])


def newest_seal(**conditions: Any) -> AuditSeal | None:
    """Return the last seal of the application under these conditions."""
    return next(ours(AuditSeal.objects.filter(**conditions)), None)
