"""A NATS server with JetStream of our own, in a directory of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from dev.brokers.rabbitmq import HOST, free_port
from dev.processes import die_with_parent
from dev.waiting import wait_until

START_SECONDS = 20.0
MISSING = "nats-server is not installed: apt-get install nats-server"


def find_nats() -> str | None:
    """Return the program's path. Debian has it where the PATH of users does not lead."""
    return shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class PrivateNats:
    """One server that keeps its streams on disk, configured as given. Raises RuntimeError without the program."""

    def __init__(self, configuration: str = "") -> None:
        found = find_nats()
        if found is None:
            raise RuntimeError(MISSING)
        self._program = found
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="qhse-nats-"))
        (self._directory / "server.conf").write_text(configuration, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def __enter__(self) -> PrivateNats:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self.kill(signal.SIGTERM)
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        """Start it, and return when it takes connections. What was stored before is there."""
        command = [
            self._program,
            "--config",
            str(self._directory / "server.conf"),
            "--jetstream",
            "--addr",
            HOST,
            "--port",
            str(self.port),
        ]
        with (self._directory / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--store_dir", str(self._directory)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
        try:
            wait_until(self._answers, seconds=START_SECONDS, what="NATS to take connections")
        except BaseException:
            self.kill()
            raise

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True
