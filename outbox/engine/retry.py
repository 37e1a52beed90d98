"""When a failed event is tried again: pure arithmetic."""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass

from qhse.foreign_text import printable

ERROR_LIMIT = 8_000  # characters kept of an error: its end, and no megabytes in a row that is tried again


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    A failed event waits a random time between zero and `min(cap, base * 2 ** (attempts - 1))` seconds. So events that
    failed together do not return together. After `max_attempts` failures it is dead.
    """

    max_attempts: int
    base_seconds: float
    cap_seconds: float

    def is_exhausted(self, attempts: int) -> bool:
        return attempts >= self.max_attempts

    def ceiling_seconds(self, attempts: int) -> float:
        # The exponent is bounded before it is raised: 2.0 ** 1024 overflows.
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(max(attempts - 1, 0), 64))

    def delay_seconds(self, attempts: int, *, jitter: float | None = None) -> float:
        """Return the wait after the `attempts`-th failure. A `jitter` in [0, 1] replaces the random draw."""
        share = random.random() if jitter is None else jitter
        return self.ceiling_seconds(attempts) * share


def brief(error: BaseException) -> str:
    """Return an error on one line. It has at most 200 characters, whatever the error's own text does."""
    try:
        return repr(error)[:200]
    except Exception:
        return f"{type(error).__name__} (its text cannot be read)"


def describe_error(error: BaseException) -> str:
    """
    Return an error and its traceback as text that can be written down. It has at most ERROR_LIMIT characters.

    Of a long text the first line and the end are kept. The end is where a traceback names the cause.
    """
    try:
        headline = f"{type(error).__name__}: {error}"
    except Exception:
        headline = f"{type(error).__name__} (its text cannot be read)"
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__, chain=True)[-12:])
    text = f"{headline[:1000]}\n\n{lines[-ERROR_LIMIT:]}"
    return printable(text)[:ERROR_LIMIT]
