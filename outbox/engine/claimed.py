"""What a claim brings. It has locked events, and figures about those that it could not have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class ClaimedEvent(NamedTuple):
    """
    A locked event, with what its handlers need to know.

    The `stamp` is its `next_attempt_at` in microseconds. Every decision about the event and every requeue change it. So
    a row id and a stamp name one attempt. That attempt never comes back.
    """

    pk: int
    event_id: UUID
    event_type: str
    schema_version: int
    aggregate_type: str
    aggregate_id: str
    stored_payload: Any
    request_id: str | None
    traceparent: str | None
    attempts: int
    occurred_at: datetime
    stamp: int

    @property
    def aggregate(self) -> tuple[str, str]:
        return (self.aggregate_type, self.aggregate_id)

    @property
    def carrier(self) -> dict[str, str | None]:
        """Return by which header its trace goes on."""
        return {"traceparent": self.traceparent}

    @property
    def payload(self) -> Any:
        """
        Decode the payload.

        It fails for one that is too deep or too long. No version of this code can have published such a payload. So
        decoding is left to who handles the event. What is wrong with one must not end the claim of a hundred.
        """
        return json.loads(self.stored_payload) if isinstance(self.stored_payload, str) else self.stored_payload


@dataclass(frozen=True, slots=True)
class Claim:
    """
    Events in the order of their ids, locked at `at` by the database's clock.

    The due heads that another worker holds are counted in `held_by_others`. The next event that waits is due in
    `next_due_seconds`. None means that none waits.
    """

    events: list[ClaimedEvent] = field(default_factory=list)
    at: datetime | None = None
    held_by_others: int = 0
    next_due_seconds: float | None = None
