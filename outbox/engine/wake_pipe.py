"""What a signal writes into, so that a wait ends at once."""

from __future__ import annotations

import os
import select
from contextlib import suppress


class WakePipe:
    """A pipe; `read_end` may be waited for together with others."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def __del__(self) -> None:
        for end in (self.read_end, self._write_end):
            os.close(end)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody has called `wake`, which lasts for ever."""
        select.select([self.read_end], [], [], seconds)

    def wake(self) -> None:
        with suppress(BlockingIOError):  # it is full, so whoever waits wakes anyway
            os.write(self._write_end, b"!")
