"""One batch: claim, remember, handle, mark, commit — a single transaction, so effects happen exactly once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext

from django.db import DatabaseError, OperationalError, connection, transaction

from outbox import metrics
from outbox.engine.batch import REPLAY_LIMIT, Batch, BatchResult, NotTogether, OutOfTime
from outbox.engine.claim import Claimer
from outbox.engine.delivery import Courier, HandlerFailed
from outbox.engine.failures import has_ended_the_connection
from outbox.engine.retry import RetryPolicy, brief
from outbox.errors import GivenBack
from outbox.guards.deadline import Deadline
from outbox.guards.in_hand import InHandRecord
from outbox.guards.session import SessionWatch, is_unusable, reset_session

logger = logging.getLogger("outbox")

BATCH_SECONDS = 5.0  # a batch that has run for longer calls no further handler


def dispatch_batch(*, limit: int, policy: RetryPolicy) -> BatchResult:
    """Handle one batch without deadlines and without a record of what is in hand, as `Dispatcher.dispatch`."""
    return Dispatcher(policy=policy).dispatch(limit)


class Dispatcher:
    """
    Handles batches for one worker.

    `deadline` bounds handler calls, and `in_hand` finds handlers that kill the process; both are left out where
    the caller's process is not a worker of its own, such as in tests, and `in_hand` on SQLite. `beat` is called now
    and then, between handler calls: a sign of life.
    """

    def __init__(
        self,
        *,
        policy: RetryPolicy,
        deadline: Deadline | None = None,
        in_hand: InHandRecord | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.policy = policy
        self.beat = beat
        self._deadline = deadline
        self.in_hand = in_hand
        self.courier = Courier(deadline)
        self.watch = SessionWatch()
        self._claimer = Claimer()
        self._shrunk_to: int | None = None

    def dispatch(self, limit: int) -> BatchResult:
        """
        Handle up to `limit` due events and return what became of them; all zero means that nothing is due.

        The handlers' writes, the record that they ran and the mark on the event commit together or not at all, so
        a process killed anywhere leaves each event either handled once or untouched. When a handler raises, the
        batch is rolled back and its events are handled one at a time under savepoints: the one at fault is
        retried or dead, the others are unharmed.

        Raises a DatabaseError when the database is away, read-only or full; nothing of the batch has happened
        then, or all of it (a COMMIT whose answer was lost), and the next call finds out by the events' states.
        """
        try:
            return self._dispatch(limit)
        except DatabaseError:
            # Small at first when it is back: where outages follow each other, something is committed between them.
            self._shrink(limit, 4)
            raise

    def _dispatch(self, limit: int) -> BatchResult:
        try:
            started = time.monotonic()
            result = self._batch(min(limit, self._shrunk_to or limit), singly=False)
            if self._shrunk_to and time.monotonic() - started < BATCH_SECONDS / 4:
                self._shrunk_to = None if self._shrunk_to * 2 >= limit else self._shrunk_to * 2
            return result
        except HandlerFailed as failure:
            self.raise_if_lost(failure.cause)
            logger.info("batch is handled one by one after a failure", extra={"handler": failure.handler.name})
        except OutOfTime:
            self._shrink(limit, 2)
            logger.warning("handlers are slow; batches shrink to %d events", self._shrunk_to)
        except NotTogether as reason:
            logger.info("batch is handled one by one: %s", reason)
        return self._batch(min(limit, REPLAY_LIMIT, self._shrunk_to or limit), singly=True)

    def _shrink(self, limit: int, divisor: int) -> None:
        self._shrunk_to = max(1, min(limit, self._shrunk_to or limit) // divisor)

    def _batch(self, limit: int, *, singly: bool) -> BatchResult:
        self.beat()
        started = time.monotonic()
        longest = min(BATCH_SECONDS, self._deadline.seconds) if self._deadline else BATCH_SECONDS
        with self._deadline.batch(longest) if self._deadline else nullcontext():
            try:
                with transaction.atomic(), self.watch.watching():
                    claimed = self._claimer.claim(limit)
                    batch = Batch(self, claimed, ends_at=started + longest)
                    try:
                        batch.run(singly=singly)
                    except GivenBack:
                        # Before the rollback frees the events: who claims them then must not hold a dead worker's
                        # note against them.
                        if self.in_hand:
                            self.in_hand.remove()
                        raise
            except BaseException as error:
                self._claimer.forget()
                if isinstance(error, DatabaseError) and self.in_hand:
                    self.in_hand.broken_off()
                raise
            if self.watch.touched:
                reset_session()
        if not claimed.events and self._deadline:
            self._deadline.rest()
        if claimed.events:
            if self.in_hand:
                self.in_hand.finished(decided=batch.decided, of=len(claimed.events))
            metrics.observe_batch(batch.result, batch.waits(), time.monotonic() - started)
        return batch.result

    def raise_if_lost(self, error: BaseException) -> None:
        """Tell a handler's own database error (a deadlock, a violated constraint) from a database that is away."""
        line = connection.connection
        # Another one, if the rollback found the line dead: Django has opened a new one at once.
        if line is not self.watch.line or has_ended_the_connection(error) or is_unusable(line):
            if self.in_hand:
                self.in_hand.broken_off()
            raise OperationalError(f"the database went away under a handler: {brief(error)}") from error
