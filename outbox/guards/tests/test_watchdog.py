"""The watchdog ends a process in the middle of what takes too long, and lets go of what does not."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from outbox.guards.deadline import Watchdog

watchdog = Watchdog(on={on})
with watchdog.at_most(0.2):  # and one tick
    with watchdog.at_most(60):
        pass
    {inside}
threading.Event().wait(1)
"""


def end_of(*, on: bool = True, inside: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(on=on, inside=inside)], stderr=subprocess.DEVNULL, timeout=60
    ).returncode


def test_ends_the_process_in_the_middle_of_a_block_that_takes_longer_even_after_an_inner_one():
    assert end_of(inside="threading.Event().wait(30)") == 1


def test_is_called_off_at_the_end_of_its_block():
    assert end_of(inside="pass") == 0


def test_does_nothing_when_it_is_off():
    assert end_of(on=False, inside="threading.Event().wait(1)") == 0
