"""What a batch works with: it belongs to the worker and outlives the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outbox.engine.delivery import HandlerRunner
from outbox.engine.retry import RetryPolicy
from outbox.guards.in_hand import InHandNote


@dataclass(frozen=True, slots=True)
class Equipment:
    """`beat` is called between handler calls: a sign of life, and the next call has its time."""

    policy: RetryPolicy
    runner: HandlerRunner
    note: InHandNote
    beat: Callable[[], None]
