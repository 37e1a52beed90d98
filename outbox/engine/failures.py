"""What becomes of an event that was not handled. It is retried, dead, or parked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import DurationField, Value
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.engine.claimed import ClaimedEvent
from outbox.engine.retry import RetryPolicy, brief, describe_error
from outbox.errors import UnretryableError
from outbox.models import OutboxEvent
from outbox.tuning import PARK_SECONDS
from qhse.database import SqlState, sqlstates

logger = logging.getLogger("outbox")

# These say something about the database and nothing about the event: class 08 is about connections, 57P about
# shutdowns. READ_ONLY_TRANSACTION is not among them. On a server that has become read-only the claim fails, and so does
# counting the attempt. Where they succeed, the handler made its own transaction read-only.
_CONNECTION_ENDED = ("08", "57P")
_STATES_OF_THE_DATABASE = (*_CONNECTION_ENDED, SqlState.DISK_FULL, SqlState.TOO_MANY_CONNECTIONS, SqlState.IO_ERROR)


def is_of_the_database(error: BaseException) -> bool:
    """Answer whether this error speaks of the database's state and not of the event. Errors that it wraps count too."""
    return any(state.startswith(_STATES_OF_THE_DATABASE) for state in sqlstates(error))


def has_ended_the_connection(error: BaseException) -> bool:
    """Answer whether the server ended the connection with this error. The driver notices that only at the next use."""
    return any(state.startswith(_CONNECTION_ENDED) for state in sqlstates(error))


def record_failure(event: ClaimedEvent, cause: BaseException, *, where: str, policy: RetryPolicy) -> bool:
    """Count an attempt, in the caller's transaction. Return whether the event will be retried. Else it is dead."""
    attempts = event.attempts + 1
    dead = isinstance(cause, UnretryableError) or policy.is_exhausted(attempts)
    OutboxEvent.objects.filter(pk=event.pk).update(
        status=EventStatus.DEAD if dead else EventStatus.PENDING,
        attempts=attempts,
        last_error=f"[{where}] {describe_error(cause)}",
        next_attempt_at=_in_seconds(0 if dead else policy.delay_seconds(attempts)),
    )
    logger.log(
        logging.ERROR if dead else logging.WARNING,
        "event is dead" if dead else "event will be retried",
        extra={"event_id": str(event.event_id), "event_type": event.event_type}
        | {"handler": where, "attempts": attempts, "error": brief(cause)},
    )
    return not dead


def park(events: Sequence[ClaimedEvent]) -> None:
    """
    Put events of unknown types off without counting an attempt.

    A newer version published them, or one since rolled back. The code that knows them will come.
    """
    if events:
        names = ", ".join(sorted({event.event_type for event in events}))
        logger.warning("no event class for %s; parked", names)
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            next_attempt_at=_in_seconds(PARK_SECONDS),
            last_error="This version of the code has no class for this event type; waiting for one that has.",
        )


def _in_seconds(seconds: float) -> object:
    return Now() + Value(timedelta(seconds=seconds), output_field=DurationField())
