"""
Which events a worker takes. Types take turns, aggregates keep their order, what another worker holds is passed over.

The first pending event of an aggregate is its head. The lock on the head's row is the lock on the aggregate. Only its
holder may take the events behind it. So workers share the outbox without knowing of each other. A worker that dies
gives its aggregates back with its connection.

A worker walks along the pending rows of each type. A row names an aggregate, and the aggregate is asked for its head.
Heads wait in a line for their turn. What a claim costs depends on what it brings. It does not depend on what waits.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from operator import attrgetter

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.statements import lock, look, read_followers, sources_of, unknown_types
from outbox.events import event_types
from outbox.tuning import SHARERS, WALK_SHARE, WIDE_WINDOW, WINDOW

_by_id = attrgetter("pk")


class Walk:
    """
    One walk from the first pending row of each type to its last, and the heads that it has met.

    What is behind it is not looked at again until the next walk. That is where rows lie that wait behind a head, that
    were handled under an old snapshot, or that others hold. Only a walk from the start finds what was freed or
    committed there since. `spent` is what such a walk costs, in seconds, beside those looks that bring work.
    """

    def __init__(self, busy: int) -> None:
        self.line: deque[int] = deque()
        self.window = WINDOW
        self.busy = busy  # how many sources had rows at the last look: they share a window
        self.sources = [source for event_type in event_types for source in sources_of(event_type)]
        self.begun_at = self.looked_at = time.monotonic()
        self.spent = self.look_seconds = 0.0
        self.rows_each = 1  # how many rows each aggregate has, among those that were looked at
        self.has_brought = self.has_followers = self.has_ended = False
        self.next_due_seconds: float | None = None
        self.database_time: datetime | None = None

    def now(self) -> datetime | None:
        """Return the database's time, which the last look has asked."""
        age = timedelta(seconds=time.monotonic() - self.looked_at)
        return self.database_time and self.database_time + age

    def seconds_left(self) -> float:
        """Return how long it goes on. Walks from the start get WALK_SHARE of a worker's time."""
        return self.begun_at + self.spent / WALK_SHARE - time.monotonic()

    def enough_for(self, room: int) -> int:
        """
        Return how many heads promise so many events, followers included.

        Where aggregates have many events, that is not all of them. Other workers can have the others.
        """
        return -(-room // min(self.rows_each, max(1, room // SHARERS)))

    def should_go_on(self, room: int) -> bool:
        """Answer whether to look farther: for enough heads, or for what waits behind a few with many events."""
        if len(self.line) >= room:
            return False
        rested = time.monotonic() - self.looked_at
        return len(self.line) < self.enough_for(room) or rested > self.look_seconds / WALK_SHARE

    def step(self, known: Iterable[int]) -> None:
        """Look at the next rows of each source. Heads other than `known` get in line."""
        started = time.monotonic()
        seen = look(self.sources, max(1, self.window >> self.busy.bit_length()))
        self.looked_at = time.monotonic()
        self.look_seconds = self.looked_at - started
        known = {*known, *self.line}
        heads = [head for head in seen.heads if head not in known]
        self.line.extend(heads)
        if not self.has_ended and not (self.has_brought and heads):
            self.spent += self.look_seconds
        self.sources, self.busy = seen.sources, seen.busy
        self.has_brought = self.has_brought or bool(heads)
        self.has_ended = not seen.more
        self.has_followers = self.has_followers or seen.more or seen.rows > seen.aggregates
        if seen.aggregates:
            self.rows_each = seen.rows // seen.aggregates
        self.next_due_seconds, self.database_time = seen.next_due_seconds, seen.at
        # Nothing but rows behind heads that cannot be had: what is worth taking stands farther back.
        self.window = WINDOW if heads else WIDE_WINDOW

    def meets_unknown_types(self) -> bool:
        """Let the walk go on among types that this code does not know. They can only be put off, so they come last."""
        found = unknown_types({source.event_type for source in self.sources})
        self.sources += [source for event_type in found for source in sources_of(event_type)]
        return bool(found)


class Claimer:
    """Claims for one worker. `between_looks` is called where a claim may take long."""

    def __init__(self, between_looks: Callable[[], None] = lambda: None) -> None:
        self._between_looks = between_looks
        self._walk = Walk(busy=1)
        self.forget()

    def forget(self) -> None:
        """Start anew with the next claim. Nothing is known of what the last one has locked."""
        self._walk = Walk(self._walk.busy)
        self._heads: list[int] = []  # the last claim's, and what follows it
        self._next_heads: list[int] = []
        self._not_to_be_had = 0

    def claim(self, limit: int, *, thorough: bool = True) -> Claim:
        """
        Lock up to `limit` due events until the caller's transaction ends.

        Due means pending, with `next_attempt_at` in the past. The database's clock decides: all workers share only that
        one. No event comes before an earlier pending one of its aggregate. This holds even if that one waits for a
        retry. Types and aggregates take turns. So a flood of one does not starve others.

        If a thorough claim is empty, nothing is due that others do not hold. Another one may have walked on from where
        the last one ended. Ids commit out of order. So it can overlook something until `next_due_seconds` have passed.
        """
        if self._walk.seconds_left() <= 0:
            self.forget()
        is_whole = not self._walk.spent
        events = self._lock_some(limit)
        if not events and not is_whole and (thorough or self._walk.seconds_left() <= 0):
            self.forget()
            is_whole = True
            events = self._lock_some(limit)
        walk = self._walk
        if not events and is_whole and walk.meets_unknown_types():
            events = self._lock_some(limit)
        if events:
            return Claim(events=sorted(events, key=_by_id), at=walk.now())
        due = [walk.next_due_seconds, None if is_whole else walk.seconds_left()]
        return Claim(
            held_by_others=self._not_to_be_had,
            next_due_seconds=min((max(0.0, seconds) for seconds in due if seconds is not None), default=None),
        )

    def settled(self, decided: Collection[int] = (), *, all_processed: bool = False) -> None:
        """
        Say what became of the last claim, once its transaction has ended.

        Heads that are not among the `decided` are in line again. If all of it was processed, what follows it is first
        in its aggregate now.
        """
        self._walk.line.extendleft(reversed([head for head in self._heads if head not in decided]))
        self._walk.line.extend(self._next_heads if all_processed else ())
        self._heads, self._next_heads = [], []

    def _lock_some(self, limit: int) -> list[ClaimedEvent]:
        """Lock events from the line. Walk on while there are too few, or too few aggregates to take turns."""
        walk = self._walk
        self._heads, self._next_heads, self._not_to_be_had = [], [], 0
        events: list[ClaimedEvent] = []
        enough = max(1, limit // 2)
        while True:
            if walk.should_go_on(limit - len(events)):
                walk.step(self._heads)
                self._between_looks()
            while walk.line and len(events) < enough:
                events = self._add(events, limit)
            if len(events) >= enough or walk.has_ended:
                return events

    def _add(self, events: list[ClaimedEvent], limit: int) -> list[ClaimedEvent]:
        walk, room = self._walk, limit - len(events)
        wanted = [walk.line.popleft() for _ in range(min(len(walk.line), walk.enough_for(room)))]
        heads = lock(wanted)
        if len(heads) < len(wanted) // 2:
            # Another worker is ahead of this one in the same line: not in its footsteps.
            random.shuffle(walk.line)
        # An earlier event of an aggregate may have come back by a requeue since: that one is the head now.
        known = {event.aggregate for event in events}
        heads = [head for head in _first_of_each(heads) if head.aggregate not in known]
        self._not_to_be_had += len(wanted) - len(heads)
        self._heads += [head.pk for head in heads]
        events = events + heads
        if heads and walk.has_followers and len(events) < limit:
            events += self._lock_followers(heads, limit - len(events))
        return events

    def _lock_followers(self, heads: Sequence[ClaimedEvent], limit: int) -> list[ClaimedEvent]:
        """
        Lock the events behind these heads, dealt among the aggregates in turn.

        An event that could not be locked, or is not due, bars its aggregate. Neither it nor what follows it is taken.
        They are read under the heads' locks and with a newer snapshot. So it holds all that other workers have decided
        about these aggregates.
        """
        turn = 2 * limit // len(heads) + 1
        queues = read_followers(heads, turn + 1)
        dealt = sorted((place, pk) for queue in queues for place, pk in enumerate(queue[:turn]))
        wanted = [pk for _, pk in dealt[:limit]]
        locked = {event.pk: event for event in lock(wanted)} if wanted else {}
        taken = [list(takewhile(locked.__contains__, queue)) for queue in queues]
        # What comes next in an aggregate is its head, as soon as all that was taken of it is processed.
        self._next_heads += [
            queue[len(some)] for queue, some in zip(queues, taken, strict=True) if len(some) < len(queue)
        ]
        return [locked[pk] for some in taken for pk in some]


def _first_of_each(events: Iterable[ClaimedEvent]) -> list[ClaimedEvent]:
    """Return the first event of each aggregate."""
    first: dict[tuple[str, str], ClaimedEvent] = {}
    for event in sorted(events, key=_by_id):
        first.setdefault(event.aggregate, event)
    return list(first.values())
