"""A RabbitMQ of our own, in a directory of its own. It can be killed, frozen and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from dev.processes import die_with_parent
from dev.waiting import wait_until

HOST = "127.0.0.1"
PROGRAMS = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/sbin", "/usr/local/sbin", "/opt/rabbitmq/sbin")
START_SECONDS = 60.0
MISSING = "rabbitmq-server is not installed: apt-get install rabbitmq-server"


def find_rabbitmq(name: str) -> str | None:
    """Return where RabbitMQ's program of this name lies. Not Debian's wrapper, which wants to be its own user."""
    return next((str(path) for base in PROGRAMS if (path := Path(base, name)).exists()), None) or shutil.which(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class PrivateRabbit:
    """
    One node with persistent queues. It listens on loopback alone.

    Raises RuntimeError without the program.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        if find_rabbitmq("rabbitmq-server") is None:
            raise RuntimeError(MISSING)
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="qhse-rabbit-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False
        self._settings = {"loopback_users": "none", "listeners.tcp.1": f"{HOST}:{self.port}"} | dict(settings or {})
        self._environment = self._variables()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}/%2F"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def __enter__(self) -> PrivateRabbit:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self) -> None:
        """
        Start it, and return when it takes connections. What was stored before is there.

        Whatever it raises, no process of the node is left. Its directory goes too if it never ran.
        """
        try:
            self._spawn()
            wait_until(self._answers, seconds=START_SECONDS, what="RabbitMQ to take connections")
        except BaseException:
            if self._process is not None:
                self.kill()
                self._process = None
            if not self._has_run:
                shutil.rmtree(self._directory, ignore_errors=True)
            raise
        self._has_run = True

    def _spawn(self) -> None:
        log = (self._directory / "output.log").open("ab")
        server = find_rabbitmq("rabbitmq-server")
        assert server
        self._process = subprocess.Popen(
            [server], env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip
        log.close()

    def stop(self) -> None:
        """End it as an operator does, and by force if it does not end."""
        if self._process is None:
            return
        self.thaw()
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Take it away between two instructions, the node behind its script as well."""
        assert self._process
        with suppress(ProcessLookupError):  # all of the group have ended by themselves
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGCONT)

    def control(self, *arguments: str) -> None:
        """Run `rabbitmqctl`, for alarms and the like. It takes two seconds."""
        tool = find_rabbitmq("rabbitmqctl")
        assert tool
        subprocess.run(
            [tool, "-n", self._environment["RABBITMQ_NODENAME"], *arguments],
            env=self._environment, check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def log(self) -> str:
        """Return the end of what it said."""
        return (self._directory / "output.log").read_text(errors="replace")[-2_000:]

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise RuntimeError(f"RabbitMQ has ended: {self.log()}")
        try:
            # It listens before it is ready, and says by this header which protocol it speaks when it gets another.
            with socket.create_connection((HOST, self.port), timeout=2) as probe:
                probe.sendall(b"HELP\x00\x00\x00\x00")
                return probe.recv(8) == b"AMQP\x00\x00\x09\x01"
        except OSError:
            return False

    def _variables(self) -> dict[str, str]:
        (self._directory / "rabbitmq.conf").write_text("".join(f"{k} = {v}\n" for k, v in self._settings.items()))
        (self._directory / "enabled_plugins").write_text("[].\n")
        return os.environ | {
            # Of its own home, because the cookie lies there.
            "HOME": str(self._directory),
            "RABBITMQ_NODENAME": f"qhse-{os.getpid()}-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(self._directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._directory / "data"),
            "RABBITMQ_LOG_BASE": str(self._directory / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": str(self._directory / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
