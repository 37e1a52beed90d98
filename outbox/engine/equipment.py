"""What a batch works with. It belongs to the worker and outlives the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outbox.engine.delivery import HandlerRunner
from outbox.engine.retry import RetryPolicy
from outbox.guards.in_hand import InHandNote


@dataclass(frozen=True, slots=True)
class Equipment:
    """`beat` is called between handler calls. It is a sign of life, and gives the next call its time."""

    policy: RetryPolicy
    runner: HandlerRunner
    note: InHandNote
    beat: Callable[[], None]
