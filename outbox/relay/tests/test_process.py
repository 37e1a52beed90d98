"""A relay that hangs ends: in a turn, and when it is told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys

from django.conf import settings

from dev.processes import kept_variables

PROGRAM = """
import select, socket
import django
django.setup()
from outbox.guards.deadline import Watchdog
from outbox.relay import relay

relay.STUCK_SECONDS, relay.LEAVING_SECONDS = {stuck}, {leaving}
silent, other = socket.socketpair()

class Hanging(relay.Relay):
    def turn(self):
        print("in a turn", flush=True)
        while not select.select([silent], [], [], 0.1)[0]:
            pass  # as the driver waits: a signal that comes just before a wait would else be seen after it

hanging = Hanging([], watchdog=Watchdog(on=True))
hanging.install_signal_handlers()
hanging.run_forever()
"""


def start(*, stuck: float = 60.0, leaving: float = 60.0) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(stuck=stuck, leaving=leaving)],
        # Of its own: tests before this one may have left anything in ours.
        env=kept_variables() | {"QHSE_ENV": "dev", "DJANGO_SETTINGS_MODULE": "qhse.settings"},
        cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    if (said := process.stdout.readline()) != "in a turn\n":
        process.kill()
        raise AssertionError(f"it said {said!r} and then {process.communicate()[1]}")
    return process


def end_of(process: subprocess.Popen[str]) -> int | None:
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.communicate()


def test_whose_line_says_nothing_ends_by_itself():
    assert end_of(start(stuck=0.2)) == 1


def test_that_is_told_to_stop_ends_in_time_whatever_hangs():
    process = start(leaving=0.2)
    process.send_signal(signal.SIGTERM)

    assert end_of(process) == 1
