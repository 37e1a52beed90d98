"""What the outbox refuses, and how a handler says that a retry is pointless."""

from __future__ import annotations

from qhse.errors import DomainError, RecordNotFound


class UnretryableError(Exception):
    """Raised by a handler for an event that no retry can mend: it is dead at once, with this error."""


class MalformedPayload(UnretryableError):
    """A stored payload does not fit its event class (a missing key, an older incompatible version)."""


class VanishedWorker(RuntimeError):
    """The worker that had this event alone in its hands is gone, and nobody told why."""


class HandlerTimedOut(BaseException):
    """
    Raised inside a handler whose time is up: it counts as failed.

    Not an Exception, so that `except Exception` in a handler does not swallow it.
    """


class GivenBack(BaseException):
    """Raised when a worker that was told to stop runs out of its grace time: the batch is rolled back, uncounted."""


class PublishedOutsideTransaction(RuntimeError):
    """`publish` was called outside `transaction.atomic`: the event could outlive, or miss, its domain write."""


class PayloadTooLarge(DomainError):
    """An event's payload is larger than the outbox stores; the whole write is refused."""

    status = 422
    code = "event_too_large"
    title = "The change is too large to be announced"


class OutboxEventNotFound(RecordNotFound):
    code = "outbox_event_not_found"


class OutboxEventIsNotDead(DomainError):
    """Only dead events are requeued: a pending one will be handled anyway, a processed one has been."""

    code = "outbox_event_is_not_dead"
