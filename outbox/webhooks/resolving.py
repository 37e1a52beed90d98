"""
Looking a name up within the time of a call. The system's resolver cannot be told how long it may take.

It asks each nameserver for seconds, several times. So it runs in a thread that is left behind when it is late.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from qhse.bounded_line import Deadline

Resolve = Callable[..., list[tuple[Any, ...]]]
"""With the shape of `socket.getaddrinfo`."""

LOOKUPS_AT_ONCE = 128
"""
Twice the calls that a relay makes at once. What is left behind ends within a minute, as a rule. While all places are
taken by such, further calls wait for one, and fail for now when their time is over.
"""


class Resolver:
    """Looks names up in threads, of which there are never more than `at_once`."""

    def __init__(self, at_once: int = LOOKUPS_AT_ONCE) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    def look_up(self, resolve: Resolve, deadline: Deadline, *args: Any, **options: Any) -> list[tuple[Any, ...]]:
        """Return what `resolve` returns, or raise what it raises. Raises TimeoutError at the deadline."""
        if not self._places.acquire(timeout=deadline.left()):
            raise TimeoutError("too many names are being looked up, and no nameserver answers")
        outcome: SimpleQueue[tuple[list[tuple[Any, ...]], BaseException | None]] = SimpleQueue()

        def run() -> None:
            try:
                outcome.put((resolve(*args, **options), None))
            except BaseException as raised:
                outcome.put(([], raised))
            finally:
                self._places.release()

        try:
            threading.Thread(target=run, name="resolver", daemon=True).start()
        except RuntimeError as refusal:
            self._places.release()
            raise OSError(errno.EAGAIN, "no thread could be started") from refusal
        try:
            found, error = outcome.get(timeout=deadline.left())
        except Empty:
            raise TimeoutError("no nameserver has answered in time") from None
        if error is not None:
            raise error
        return found


resolver = Resolver()
"""The one of this process: what is left behind counts for all calls."""
