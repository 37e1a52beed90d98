"""Processes that the laboratory starts, harms and ends. Most are forked from one that has loaded Django."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from dev.processes import ROOT, die_with_parent, start_python
from dev.waiting import Stalled, wait_until

POLL_SECONDS = 0.002  # how long a process takes to end is measured
CRASHED = 70  # exit code of a child whose action raised


class Child:
    """A child process. Whatever happens, it does not outlive this one."""

    def __init__(self, name: str, pid: int, log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self.code: int | None = None
        self.crash = ""
        """Its last words, if its action has raised."""

    def poll(self) -> int | None:
        """Return the exit code: negative for a signal, None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                if self.code == CRASHED:  # at once: others of its name write into the same log
                    self.crash = f"{self.name} crashed: {self.last_words()[-400:]}"
        return self.code

    def wait(self, seconds: float) -> int:
        """Return the exit code. Raises Stalled when the process does not end in time."""
        wait_until(lambda: self.poll() is not None, seconds=seconds, what=f"{self.name} to end", every=POLL_SECONDS)
        assert self.code is not None
        return self.code

    def wait_until_frozen(self, seconds: float) -> None:
        """Return when SIGSTOP has stopped the process. Raises Stalled when it ends instead, or runs on."""
        wait_until(self._is_frozen, seconds=seconds, what=f"{self.name} to freeze", every=POLL_SECONDS)

    def _is_frozen(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        if pid and not os.WIFSTOPPED(status):
            self.code = os.waitstatus_to_exitcode(status)
            raise Stalled(f"{self.name} ended ({self.code}) instead of freezing: {self.last_words()}")
        return bool(pid)

    def send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, and everything that it has started."""
        if self.poll() is not None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # forked a moment ago, and not yet the head of a group
            os.kill(self.pid, signal.SIGKILL)
        self.wait(10)

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""


def fork(name: str, action: Callable[[], object], *, log: Path) -> Child:
    """
    Run an action in a child process.

    It exits with 0 when the action returns. When it raises, it exits with CRASHED, and a traceback is in the log.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    tie_to_parent = die_with_parent(signal.SIGKILL)
    pid = os.fork()
    if pid:
        return Child(name, pid, log)
    code = CRASHED
    try:
        os.setsid()
        tie_to_parent()
        _write_into(log)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        logging.disable(logging.NOTSET)
        random.seed()  # else all forks draw the same numbers
        action()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except (CommandError, ImproperlyConfigured) as error:  # what people are told in a line
        sys.stderr.write(f"{error}\n")
        code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def spawn(name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, directory: Path = ROOT) -> Child:
    """Start a program with this Python."""
    with log.open("ab") as output:
        process = start_python(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            directory=directory,
        )
    process.returncode = 0  # its end is waited for here, by its id, and not by subprocess
    return Child(name, process.pid, log)


def _write_into(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
