"""What becomes of an event that was not handled. It is retried, dead, or parked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum, auto
from functools import partial

from django.db import connection
from django.db.models import DurationField, Value
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.engine.claimed import ClaimedEvent
from outbox.engine.retry import RetryPolicy, brief, describe_error
from outbox.errors import UnretryableError
from outbox.guards.session import is_line_lost
from outbox.models import OutboxEvent
from qhse.database import SqlState, is_out_of_step, sqlstates
from qhse.foreign_text import store_foreign

logger = logging.getLogger("outbox")

_OF_THE_LINE = ("08", "57P")  # classes: connections, shutdowns
# What a handler meets and cannot help. READ_ONLY_TRANSACTION is not among it. On a server that has become read-only
# the claim fails, and so does counting the attempt. Where they succeed, the handler made its transaction read-only.
_OF_THE_DATABASE = (
    SqlState.DISK_FULL,
    SqlState.OUT_OF_MEMORY,
    SqlState.TOO_MANY_CONNECTIONS,
    SqlState.IO_ERROR,
    SqlState.SERIALIZATION_FAILURE,
)
# Classes of what the engine's own statements may meet, whatever handlers have done: deadlocks, missing tables or
# rights, lack of resources, locks, timeouts, the system.
_OF_THE_ENGINE = ("40", "42", "53", "55", "57", "58", "XX")


class Fault(Enum):
    """Who is at fault for an error. Only the handler's own counts against its event."""

    HANDLER = auto()
    DATABASE = auto()
    LINE = auto()


def blame(error: BaseException, *, in_handler: bool = True) -> Fault:
    """
    Tell who is at fault, by the SQLSTATEs of an error and of those behind it, and by the connection's own state.

    The server ends a connection with an error that the driver notices only at the next use. A handler's own error is
    asked about before any rollback. One that finds the line dead makes Django open another at once.
    """
    states = list(sqlstates(error))
    if connection.closed_in_transaction:
        return Fault.HANDLER  # nobody else closes it there
    if any(state.startswith(_OF_THE_LINE) for state in states) or is_line_lost() or is_out_of_step(error):
        return Fault.LINE
    known = _OF_THE_DATABASE if in_handler else _OF_THE_ENGINE
    return Fault.DATABASE if any(state.startswith(known) for state in states) else Fault.HANDLER


def record_failure(event: ClaimedEvent, cause: BaseException, *, where: str, policy: RetryPolicy) -> bool:
    """Count an attempt, in the caller's transaction. Return whether the event will be retried. Else it is dead."""
    attempts = event.attempts + 1
    dead = isinstance(cause, UnretryableError) or policy.is_exhausted(attempts)
    count = partial(
        OutboxEvent.objects.pending().filter(pk=event.pk).update,
        status=EventStatus.DEAD if dead else EventStatus.PENDING,
        attempts=attempts,
        next_attempt_at=_in_seconds(0 if dead else policy.delay_seconds(attempts)),
    )
    store_foreign(count, last_error=f"[{where}] {describe_error(cause)}")
    logger.log(
        logging.ERROR if dead else logging.WARNING,
        "event is dead" if dead else "event will be retried",
        extra={"event_id": str(event.event_id), "event_type": event.event_type}
        | {"handler": where, "attempts": attempts, "error": brief(cause)},
    )
    return not dead


def put_off(events: Sequence[ClaimedEvent], *, seconds: float, because: str) -> None:
    """Let events wait, without counting an attempt."""
    logger.warning("%s put off: %s", ", ".join(sorted({event.event_type for event in events})), because)
    of_events = OutboxEvent.objects.filter(pk__in=[event.pk for event in events])
    store_foreign(partial(of_events.update, next_attempt_at=_in_seconds(seconds)), last_error=because)


def _in_seconds(seconds: float) -> object:
    return Now() + Value(timedelta(seconds=seconds), output_field=DurationField())
