"""Doing a named write once, whoever asks for it again; and doing it again when PostgreSQL rolled it back."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from django.db import OperationalError, connection

from qhse.database import SqlState, sqlstate, take_turn
from qhse.errors import DomainError
from qhse.repeats.models import IdempotencyRecord

MOST_TRIES = 4  # the first and three more
_ROLLED_BACK_TO_RESOLVE_A_CONFLICT = frozenset({SqlState.SERIALIZATION_FAILURE, SqlState.DEADLOCK})

Answer = TypeVar("Answer")


class RequestIsInFlight(DomainError):
    """Another request of this user with this key has not ended yet."""

    code = "request_in_flight"
    retry_after = 1


class Write(NamedTuple):
    """A write by the name its sender gave it, and a digest of what was sent."""

    user: Any
    name: str
    fingerprint: str


def digest(value: Any) -> str:
    """
    Return a digest of a JSON document. The order of its keys and its white space do not matter.

    What is no JSON, such as a file that was received, has a `fingerprint` that is.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=attrgetter("fingerprint"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_answer(write: Write, *, wait: bool) -> IdempotencyRecord | None:
    """
    Take the turn at a write's name until the transaction ends. Return the answer that it has already, if it has one.

    While another request has the turn, `wait` for its end, as long as the connection waits for locks. Without that,
    raises RequestIsInFlight.
    """
    # Not by the unique key alone: on it a second INSERT would wait until the first transaction ends, however long.
    if not take_turn(int(write.name[:16], 16) - 2**63, wait=wait):
        raise RequestIsInFlight("The first request with this Idempotency-Key has not ended; ask again shortly.")
    return IdempotencyRecord.objects.filter(pk=write.name).first()


def keep_answer(write: Write, *, status: int, body: str, etag: str = "") -> None:
    """Keep the answer to a write, in the transaction of the write."""
    IdempotencyRecord.objects.bulk_create([
        IdempotencyRecord(
            pk=write.name, user=write.user, fingerprint=write.fingerprint, status=status, body=body, etag=etag
        )
    ])  # fmt: skip


def tried_again(write: Callable[[], Answer]) -> Answer:
    """
    Return what `write` returns. After a deadlock or a serialization failure, try it MOST_TRIES times.

    Nothing of a failed try is stored, and its turn comes when the other has ended. `write` opens the transaction.
    """
    for attempt in count(1):
        try:
            return write()
        except OperationalError as error:
            is_conflict = sqlstate(error) in _ROLLED_BACK_TO_RESOLVE_A_CONFLICT
            if attempt == MOST_TRIES or not is_conflict or connection.in_atomic_block:
                raise
        # Random, so that the two do not meet again.
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable")
