"""Child processes that do not outlive the process which started them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# What programs need to be found and to run. Nothing else of the caller's shell decides what is tested or measured.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PG_BIN", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """
    Return a `preexec_fn`: the kernel sends the child this signal when its parent dies, however it dies.

    The kernel watches the parent's *thread*, so only the main thread may ask. Linux only: elsewhere the function does
    nothing, and children outlive a parent that is killed.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start it from the main thread: it would die together with this one")
    parent = os.getpid()
    # Loaded here, because the forked child must not take the loader's locks.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl, and no signal will come any more
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_the_kernel


def kept_variables() -> dict[str, str]:
    """Return what a child gets of the caller's shell."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


def start_python(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    directory: Path = ROOT,
    signal_at_parents_death: int = signal.SIGKILL,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start `python command…` in the project's directory. It dies with this process. `options` are Popen's."""
    tie_to_parent = die_with_parent(signal_at_parents_death)
    return subprocess.Popen([sys.executable, *command], cwd=directory, env=env, preexec_fn=tie_to_parent, **options)


def run_command(command: Sequence[str], *, env: Mapping[str, str]) -> int:
    """
    Run a command in the foreground. Return its exit code as a shell would.

    SIGINT and SIGTERM are passed on to it. Raises OSError when it cannot be started.
    """
    child = subprocess.Popen(command, env=env, preexec_fn=die_with_parent(signal.SIGTERM))
    typed_here = _in_foreground_of_terminal()

    def forward(number: int, frame: FrameType | None) -> None:
        # Ctrl-C reached the child already, and a second SIGINT means "at once" to many programs.
        if not (number == signal.SIGINT and typed_here):
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _in_foreground_of_terminal() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
