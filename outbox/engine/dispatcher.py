"""One batch: claim, remember, handle, mark, commit — a single transaction, so effects happen exactly once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from django.db import DatabaseError, Error, OperationalError, transaction

from outbox.engine.batch import Batch, OutOfTime
from outbox.engine.claim import Claimer
from outbox.engine.delivery import HandlerFailed, HandlerRunner
from outbox.engine.failures import Fault, blame, record_failure
from outbox.engine.metrics import observe_batch
from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy, brief
from outbox.errors import GivenBack
from outbox.guards.deadline import Alarm, Watchdog
from outbox.guards.in_hand import InHandNote
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.tuning import BATCH_SECONDS, REPLAY_LIMIT
from qhse import tracing

logger = logging.getLogger("outbox")


class Dispatcher:
    """
    Handles batches for one worker.

    `alarm` bounds handler calls, `watchdog` what lies beyond its reach, and `note` tells what is in hand. They are left
    out where the process is not a worker's own, as in tests.
    """

    def __init__(
        self,
        *,
        policy: RetryPolicy,
        alarm: Alarm | None = None,
        watchdog: Watchdog | None = None,
        note: InHandNote | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._alarm = alarm or Alarm(None)
        self._watchdog = watchdog or Watchdog(on=False)
        self._beat = beat
        self._policy = policy
        self._note = note or InHandNote("", None)
        self._new_batch = partial(
            Batch, policy=policy, runner=HandlerRunner(self._alarm), note=self._note, beat=self._before_call
        )
        self._claimer = Claimer(between_looks=self._before_call)
        self._shrunk_to: int | None = None

    def dispatch(self, limit: int, *, thorough: bool = True) -> BatchResult:
        """
        Handle up to `limit` due events and return what became of them; all zero means that nothing is due.

        The handlers' writes, the record that they ran and the mark on the event commit together or not at all. So a
        process killed anywhere leaves each event either handled once or untouched. When a handler raises, the batch
        is rolled back and its events are handled one at a time under savepoints: the one at fault is retried or dead,
        the others are unharmed.

        Raises a DatabaseError when the database is away, read-only or full. Nothing of the batch has happened then,
        or all of it (a COMMIT whose answer was lost), or its events were put off, uncounted. The next call finds out
        by their states.
        """
        try:
            result = self._together_or_singly(limit, thorough)
        except BaseException as error:
            self._watchdog.rest()
            self._claimer.forget()
            if isinstance(error, DatabaseError):
                # Small at first when it is back: where outages follow each other, something is committed between them.
                self._shrink(limit, 4)
            raise
        if not result.moved:
            self._watchdog.rest()
        return result

    def _together_or_singly(self, limit: int, thorough: bool) -> BatchResult:
        started = time.monotonic()
        try:
            result = self._batch(min(limit, self._shrunk_to or limit), thorough=thorough)
            if self._shrunk_to and time.monotonic() - started < BATCH_SECONDS / 4:
                self._shrunk_to = None if self._shrunk_to * 2 >= limit else self._shrunk_to * 2
            return result
        except HandlerFailed as failed:
            logger.info("batch is handled one by one after a failure", extra={"handler": failed.where})
        except OutOfTime:
            self._shrink(limit, 2)
            logger.warning("handlers are slow; batches shrink to %d events", self._shrunk_to)
        self._claimer.settled()
        try:
            return self._batch(min(limit, REPLAY_LIMIT, self._shrunk_to or limit), singly=True)
        except HandlerFailed as failed:
            # Its event has ended the transaction of all. So it is counted in one of its own.
            self._claimer.settled()
            assert failed.event
            will_retry = record_failure(failed.event, failed.cause, where=failed.where, policy=self._policy)
            return BatchResult(retried=will_retry, dead=not will_retry)

    def _before_call(self) -> None:
        """Give a sign of life, and the next call its time: several of one event may take longer than a batch should."""
        self._beat()
        # Beside the call there are the claim and the commit.
        self._watchdog.arm(1.25 * (min(BATCH_SECONDS, self._alarm.seconds) + self._alarm.seconds) + 1.5)

    def _shrink(self, limit: int, divisor: int) -> None:
        self._shrunk_to = max(1, min(limit, self._shrunk_to or limit) // divisor)

    def _batch(self, limit: int, *, thorough: bool = True, singly: bool = False) -> BatchResult:
        started = time.monotonic()
        self._before_call()
        try:
            with tracing.batch("outbox batch") as span, transaction.atomic():
                claimed = self._claimer.claim(limit, thorough=thorough)
                span.join(event.carrier for event in claimed.events if event.traceparent)
                # The claim's time is not the handlers'.
                batch = self._new_batch(claimed, ends_at=time.monotonic() + min(BATCH_SECONDS, self._alarm.seconds))
                try:
                    batch.run(singly=singly)
                except GivenBack:
                    # Before the rollback frees the events: who claims them then must not hold a dead worker's note
                    # against them.
                    self._note.remove()
                    raise
        except Error as error:
            if blame(error) is Fault.LINE:
                self._note.leave_behind()
            else:
                self._note.finished(decided=())  # all handlers have come back, and nobody is suspect
            raise
        except HandlerFailed as failed:
            # A handler that commits behind Django's back makes durable that these were remembered.
            ProcessedEvent.objects.filter(
                pk__in=failed.unfinished, event_id__in=OutboxEvent.objects.pending().values("event_id")
            ).delete()
            raise
        self._claimer.settled(batch.decided, all_processed=batch.result.processed == len(claimed.events))
        if claimed.events:
            self._note.finished(batch.decided)
            observe_batch(batch.result, batch.waits, time.monotonic() - started)
        if batch.starved and not batch.decided:
            raise OperationalError(f"the database cannot work: {brief(batch.starved.cause)}") from batch.starved.cause
        return batch.result
