"""Reads a trail of which nothing is believed: rows that cannot be read, keys that are there twice, forged seals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from django.db import DataError, models

from audit.models import AuditSeal
from audit.proof.marks import Voucher, voucher_of_seal

T = TypeVar("T")

# What a time of infinity, a number of 5,000 digits or a document of 3,000 levels raises, here or in the driver.
UNREADABLE = (DataError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
SEALS_AT_ONCE = 100


@dataclass(slots=True)
class Rows:
    """Rows by key, of which there is one each while the primary key stands, and the keys of what cannot be read."""

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


def batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


def newest_seal(**conditions: Any) -> AuditSeal | None:
    """Return the last seal that the application has made, of those under these conditions, past all others."""
    numbers = AuditSeal.objects.filter(**conditions).order_by("-number").values_list("number", flat=True)
    batch = list(numbers[:1])  # it nearly always is the last one
    while batch:
        rows = read(AuditSeal, batch)
        for number in batch:
            for seal in rows.found.get(number, ()):
                if is_ours(seal):
                    return seal  # type: ignore[no-any-return]
        batch = list(numbers.filter(number__lt=batch[-1])[:SEALS_AT_ONCE])
    return None


def is_ours(seal: AuditSeal) -> bool:
    try:
        return voucher_of_seal(seal) is Voucher.OURS
    except UNREADABLE:
        return False
