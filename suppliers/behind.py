"""Which suppliers wait for the worker: an event that could move their risk is pending."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from outbox.registry import all_handlers
from outbox.selectors import pending_values
from qhse.observability import context

REASSESS_RISK = "suppliers.reassess_risk"
"""The handler whose events move a risk."""
MOST_LOOKED_AT = 500
"""With more events pending than this the worker is behind for everybody: to say exactly for whom costs too much."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The suppliers of pending events. None means that there are too many to tell."""

    supplier_ids: frozenset[int] | None

    def is_waiting(self, supplier_id: int) -> bool:
        return self.supplier_ids is None or supplier_id in self.supplier_ids


# The context object itself is kept, so that no later one can be taken for it.
_asked: ContextVar[tuple[context.RequestContext, Behind] | None] = ContextVar("asked_behind", default=None)


def behind() -> Behind:
    """Return what the worker has not looked at yet. One reading request asks once for all suppliers that it shows."""
    running = context.current()
    if running.source not in ("api", "admin"):
        return _ask()
    known = _asked.get()
    if known is None or known[0] is not running:
        known = (running, _ask())
        _asked.set(known)
    return known[1]


def _ask() -> Behind:
    rows = pending_values(moving_types(), ("supplier_id", "previous_supplier_id"), at_most=MOST_LOOKED_AT + 1)
    if len(rows) > MOST_LOOKED_AT:
        return Behind(None)
    return Behind(frozenset(int(each) for row in rows for each in row if each is not None))


@cache
def moving_types() -> tuple[str, ...]:
    """Return the types of the events that the handler subscribes to. All are known once the apps are ready."""
    return tuple(
        sorted(
            event_class.event_type
            for handler in all_handlers()
            if handler.name == REASSESS_RISK
            for event_class in handler.event_classes
        )
    )
