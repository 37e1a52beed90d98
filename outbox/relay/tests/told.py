"""A broker that does as it is told, and a courier to it that is turned by hand."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Collection, Sequence

from outbox.outgoing import LANES
from outbox.relay.couriers import BrokerCourier
from outbox.relay.messages import Message
from outbox.relay.port import BrokerAway, Outcome

ALL = frozenset(range(LANES))


class Told:
    """
    A broker: `judge` says of each message None (taken), or why it is declined or refused.

    While `answers` is not set, it hangs. What stands in `faults` for one of its functions is raised there.
    """

    name = "told"

    def __init__(self) -> None:
        self.judge: Callable[[Message], tuple[str, str] | None] = lambda message: None
        self.away = False
        self.answers = threading.Event()
        self.answers.set()
        self.breaks_off_at = ""
        """The sequence of a message before which it breaks off, after it has hung if it `hangs_then`."""
        self.hangs_then = False
        self.answered, self.goes_on = threading.Event(), threading.Event()
        self.faults: dict[str, Exception] = {}
        self.threads: set[str] = set()
        self.received: list[int] = []
        self.batches: list[int] = []

    def publish(self, messages: Sequence[Message], outcome: Outcome | None = None) -> Outcome:
        self.batches.append(len(messages))
        self._used("publish")
        assert self.answers.wait(10), "the test has forgotten the broker"
        if self.away:
            raise BrokerAway("it is away")
        outcome, held = Outcome() if outcome is None else outcome, set()
        for message in messages:
            if message.key in held:
                continue
            if self.breaks_off_at == message.attributes["sequence"].lstrip("0"):
                self.answered.set()
                if self.hangs_then:
                    assert self.goes_on.wait(10), "the test has forgotten the broker"
                raise BrokerAway("it has broken off")
            if verdict := self.judge(message):
                held.add(message.key)
                getattr(outcome, verdict[0])[message.row] = verdict[1]
            else:
                outcome.taken.append(message.row)
                self.received.append(int(message.attributes["sequence"]))
        return outcome

    def wait(self, seconds: float, wake: Collection[int]) -> None:
        self._used("wait")
        select.select(list(wake), [], [], seconds)

    def close(self) -> None:
        self._used("close")

    def _used(self, function: str) -> None:
        self.threads.add(threading.current_thread().name)
        if function in self.faults:
            raise self.faults[function]


class Courier(BrokerCourier):
    """A courier that a test turns batch by batch."""

    def carry(self) -> int:
        """Hand out what is due, and store what became of it. Return how much that was."""
        moved = self.turn(ALL).moved
        if self._thread.is_busy:
            self.listen()
        return moved + self._collect()

    def listen(self) -> None:
        """Wait until the thread has something to say."""
        assert select.select(self.descriptors(), [], [], 20)[0], "the thread has said nothing"

    def drain(self) -> None:
        while self.carry():
            pass
