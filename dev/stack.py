"""The product's processes on this machine. API and worker start, are watched and stop together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType, TracebackType

from dev.http_client import is_ready
from dev.processes import ROOT, die_with_parent, start_python
from dev.waiting import Stalled, wait_until

HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
REMEMBERED_LINES = 40


class StackFailed(RuntimeError):
    """One line for a person: which process failed, and how."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Raise StackFailed when the port is taken, or not for this user."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackFailed(
                f"port {port} is not free ({error.strerror}); choose another one: make run PORT={port + 1}"
            ) from None


def api_command(port: int) -> list[str]:
    """Return the arguments that make Python the API's server on this port."""
    return ["-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"{HOST}:{port}"]


def interrupt_on_signals() -> None:
    """Make SIGTERM and a closed terminal mean what Ctrl-C means: KeyboardInterrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def run_manage(*arguments: str, env: Mapping[str, str]) -> None:
    """
    Run a management command to its end. Its output is this process's.

    Raises StackFailed when it fails, BrokenPipeError when nobody reads any more.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, preexec_fn=die_with_parent(signal.SIGTERM)
    )
    if done.returncode == 141:
        raise BrokenPipeError
    if done.returncode != 0:
        raise StackFailed(f"manage.py {arguments[0]} failed with exit code {done.returncode}")


class Service:
    """One child process. Its output is read all the time, shown with its name in front, and remembered."""

    def __init__(self, name: str, command: list[str], *, env: Mapping[str, str], show: bool) -> None:
        self.name = name
        self.last_lines: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._show = show
        self.unread = False  # whoever read what we show has left
        self.process = start_python(
            command,
            env=env,
            signal_at_parents_death=signal.SIGTERM,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us: it would stop the worker, and our SIGTERM would then be the signal that means "at once".
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self.last_lines.append(text)
                if self._show and not self.unread:
                    self._show_line(text)

    def _show_line(self, text: str) -> None:
        try:
            # One write a line: two services must not share one.
            sys.stdout.write(f"{self.name:6} | {text}\n")
            sys.stdout.flush()
        except OSError:
            self.unread = True  # and goes on reading: a full pipe would stop the service


class Stack:
    """API and worker of one installation. A context manager: it stops them, and kills what does not stop."""

    def __init__(self, *, port: int, env: Mapping[str, str], show: bool) -> None:
        self.url = f"http://{HOST}:{port}"
        self.services: list[Service] = []
        self._port = port
        self._env = env
        self._show = show

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start both. Return when `/readyz` says 200. Raises StackFailed when one dies or it takes too long."""
        self._start("api", api_command(self._port))
        try:
            wait_until(self._is_ready, seconds=READY_SECONDS, every=0.1)
        except Stalled:
            raise StackFailed(f"{self.url}/readyz did not say 200 within {READY_SECONDS:.0f} s") from None
        self._start("worker", ["manage.py", "run_outbox_worker"])

    def _start(self, name: str, command: list[str]) -> None:
        self.services.append(Service(name, command, env=self._env, show=self._show))

    def _is_ready(self) -> bool:
        self.check()
        return is_ready(self.url)

    def check(self) -> None:
        """Raise StackFailed when a process has ended, BrokenPipeError when nobody reads any more."""
        for service in self.services:
            if service.unread:
                raise BrokenPipeError
            code = service.process.poll()
            if code is not None:
                how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
                raise StackFailed(f"{service.name} ended by itself ({how})")

    def watch(self) -> None:
        """Never return. Raises StackFailed when a process ends, KeyboardInterrupt when a signal comes."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask all to stop. Kill what is left after STOP_SECONDS, or at once when interrupted."""
        running = [service.process for service in self.services if service.process.poll() is None]
        deadline = time.monotonic() + STOP_SECONDS
        try:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(max(0.0, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            for process in running:
                # The whole group, because the API has processes of its own.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
