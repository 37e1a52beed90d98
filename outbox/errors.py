"""What the outbox refuses. With UnretryableError a handler says that a retry is pointless."""

from __future__ import annotations

from qhse.errors import DomainError, RecordNotFound


class UnretryableError(Exception):
    """Raised by a handler for an event that no retry can mend. The event is dead at once, with this error."""


class MalformedPayload(UnretryableError):
    """A stored payload does not fit its event class. A key is missing, or its version is older and incompatible."""


class VanishedWorker(RuntimeError):
    """The worker that had this event alone in its hands is gone. Nobody told why."""


class HandlerTimedOut(BaseException):
    """
    Raised inside a handler whose time is up. The call counts as failed.

    It is no Exception. So `except Exception` in a handler does not swallow it.
    """


class TransactionSpoilt(RuntimeError):
    """A handler has swallowed an error of the database, or has ended, closed or left open what is the worker's."""


class GivenBack(BaseException):
    """Raised when a worker that is to stop runs out of its grace time. The batch is rolled back, uncounted."""


class PublishedOutsideTransaction(RuntimeError):
    """`publish` was called outside `transaction.atomic`. The event could outlive, or miss, its domain write."""


class PayloadTooLarge(DomainError):
    """An event's payload is larger than the outbox stores. The whole write is refused."""

    status = 422
    code = "event_too_large"
    title = "The change is too large to be announced"


class OutboxEventNotFound(RecordNotFound):
    code = "outbox_event_not_found"


class OutboxEventIsNotDead(DomainError):
    """Only dead events are requeued. A pending one will be handled anyway, a processed one has been."""

    code = "outbox_event_is_not_dead"
