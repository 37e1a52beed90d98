"""The loop of a relay: hold lanes, let each courier send, wait."""

from __future__ import annotations

import logging
import os
import random
import select
import time
from contextlib import ExitStack
from types import FrameType
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from outbox.guards.deadline import Watchdog
from outbox.liveness import LivenessFile
from outbox.relay.couriers import Courier, Turn
from outbox.relay.lanes import Lanes
from outbox.tuning import RECONNECT_CAP_SECONDS, WATCHDOG_SECONDS
from qhse.terminal import call_at_the_end
from qhse.wakeup import CHANNEL

logger = logging.getLogger("outbox.relay")

POLL_SECONDS = 1.0
"""Longest wait between looks. A notification ends it earlier; the look at the lanes comes as often."""
STOP_SECONDS = 8.0
"""For what is in flight when the relay leaves, which has 10. What takes longer is sent again by the next."""
LEAVING_SECONDS = STOP_SECONDS + 1.0
"""From a signal to the end of the process, whatever then hangs: a line, a name that is looked up."""
STUCK_SECONDS = 2 * WATCHDOG_SECONDS
"""Of one turn. The server ends a statement after half of it, so a line that is silent for so long is dead."""


class Relay:
    """
    One relay. Any number may run: they share the lanes, and each sends from its own.

    It never works inside a worker's transaction. A signal that ends programs lets the batch in hand end; a second one
    ends the process. While the database or a receiver is away it waits and goes on by itself. Where `watchdog` is on,
    it ends a process that hangs: a line that has gone silent is seen by nobody else, and its lanes stand still
    meanwhile.
    """

    def __init__(
        self,
        couriers: list[Courier],
        *,
        liveness: LivenessFile | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._couriers = couriers
        self._watchdog = watchdog or Watchdog(on=False)
        self._liveness = liveness
        self._lanes = Lanes(when_taken=self._take_over)
        self._listens_on: object = None
        self._stopping = self._is_told = self._heard = False
        self._woken, self._wake_end = os.pipe()

    def install_signal_handlers(self) -> None:
        call_at_the_end(self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(1)
        self._is_told = True
        self.stop()
        self._watchdog.rest()
        self._watchdog.arm(LEAVING_SECONDS)

    def stop(self) -> None:
        """End the loop after the batch in hand. A signal handler or another thread may call it."""
        self._stopping = True
        os.write(self._wake_end, b"!")

    def run_forever(self) -> None:
        """Send until told to stop."""
        logger.info("relay started", extra={"channels": [courier.name for courier in self._couriers]})
        failures = 0
        while not self._stopping:
            self._beat()
            try:
                turn = self.turn()
                failures = 0
                if not turn.moved:
                    self._wait(POLL_SECONDS if turn.wait is None else min(POLL_SECONDS, turn.wait + 0.002))
            except (DatabaseError, InterfaceError) as error:
                failures += 1
                self._wait_for_database(failures, error)
        self.leave()
        logger.info("relay stopped")

    def drain(self) -> int:
        """Send until nothing is due that this relay may send, and return how many left. What waits is not due."""
        moved = 0
        while not self._stopping:
            self._beat()
            turn = self.turn()
            moved += turn.moved
            if not turn.moved and not any(courier.busy_lanes() for courier in self._couriers):
                return moved
            if not turn.moved:
                select.select(self._descriptors(), [], [], 0.02)
        return moved

    def turn(self) -> Turn:
        """Let each courier send once. Raises DatabaseError when the database is away."""
        busy = frozenset[int]().union(*(courier.busy_lanes() for courier in self._couriers))
        self._lanes.look(busy)
        self._listen()
        turns = [courier.turn(self._lanes.held) for courier in self._couriers]
        waits = [turn.wait for turn in turns if turn.wait is not None]
        return Turn(sum(turn.moved for turn in turns), min(waits, default=None))

    def leave(self) -> None:
        """End the lines, within STOP_SECONDS. The session's end gives the lanes to the other relays at once."""
        ends_at = time.monotonic() + STOP_SECONDS
        with ExitStack() as each:  # whatever one of them raises
            if not self._is_told:  # else the process ends now, and that has its time as well
                each.callback(self._watchdog.rest)
            if self._liveness:
                each.callback(self._liveness.remove)
            each.callback(connection.close)
            for courier in self._couriers:
                each.callback(courier.stop, ends_at)

    def _take_over(self, lanes: frozenset[int]) -> None:
        for courier in self._couriers:
            courier.take_over(lanes)

    def _listen(self) -> None:
        line: Any = connection.connection
        if line is not self._listens_on:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            line.add_notify_handler(self._hear)  # some arrive with the answer to a statement
            self._listens_on = line

    def _hear(self, notification: object) -> None:
        self._heard = True

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until something is published, a line says something, or a signal comes."""
        line: Any = connection.connection
        if self._stopping or line is None:
            return
        with connection.wrap_database_errors:  # the driver's own, where the server has ended the line
            if self._has_heard(line):
                return
            socket = line.fileno()
        select.select([socket, *self._descriptors()], [], [], seconds)

    def _descriptors(self) -> list[int]:
        return [self._woken, *(each for courier in self._couriers for each in courier.descriptors())]

    def _has_heard(self, line: Any) -> bool:
        """Take all notifications that have arrived: one look answers them all."""
        line.pgconn.consume_input()
        while line.pgconn.notifies():
            self._heard = True
        heard, self._heard = self._heard, False
        return heard

    def _beat(self) -> None:
        if self._liveness:
            self._liveness.beat()
        if not self._stopping:
            self._watchdog.arm(STUCK_SECONDS)

    def _wait_for_database(self, failures: int, error: Exception) -> None:
        connection.close()
        self._lanes.forget()
        ceiling = min(RECONNECT_CAP_SECONDS, 0.1 * 2.0 ** min(failures, 16))
        seconds = ceiling * (0.5 + random.random() / 2)
        logger.warning("database is away, trying again in %.1f s: %s", seconds, str(error).strip()[:200])
        self._beat()
        select.select([self._woken], [], [], seconds)
