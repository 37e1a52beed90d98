"""Worker processes. They are started and connected before the clock runs, then told to begin at once."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from dev.processes import start_python
from lab.bench.server import environment
from lab.database import Database

READY_SECONDS = 60.0
DRAIN_SECONDS = 900.0
STOP_SECONDS = 15.0
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class WorkerFailed(RuntimeError):
    """A worker process ended or did not answer. The message has the end of what it printed."""


class Member:
    """One worker process."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in stop)
        self._name = module
        self.process = start_python(
            ["-m", module, *arguments],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        )

    def tell(self, order: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")

    def answer(self, seconds: float) -> str:
        """Return the next line. Raises WorkerFailed when none comes in time."""
        output = self.process.stdout
        assert output is not None
        if select.select([output], [], [], seconds)[0] and (line := output.readline()):
            return line.decode().strip()
        raise WorkerFailed(f"{self._name} did not answer:\n{self._last_words()}")

    def check(self) -> None:
        """Raise WorkerFailed when the process has ended."""
        if self.process.poll() is not None:
            raise WorkerFailed(f"{self._name} ended by itself:\n{self._last_words()}")

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:]

    def stop(self) -> None:
        """End the process: by the end of its input, by SIGTERM, and at last by SIGKILL."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()


def cpu_seconds(*roots: int) -> float:
    """Return the CPU time that these processes, and all below them, have used so far."""
    parents = {}
    used = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we were looking
        pid = int(path.parent.name)
        parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    counted = set(roots)
    while found := {pid for pid, parent in parents.items() if parent in counted} - counted:
        counted |= found
    return sum(used.get(pid, 0) for pid in counted) * TICK_SECONDS


def cpu_since(earlier: float, *roots: int) -> float:
    """Return the CPU time used since then. It is a tick at least: what took less cannot have cost nothing."""
    return max(cpu_seconds(*roots) - earlier, TICK_SECONDS)


class Crew:
    """Workers of one kind on one database. A context manager, which ends them."""

    def __init__(self, module: str, *arguments: str, size: int, env: Mapping[str, str]) -> None:
        self.members = [Member(module, *arguments, env=env) for _ in range(size)]

    def __enter__(self) -> Crew:
        for member in self.members:
            member.answer(READY_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.members:
            member.stop()

    def drain(self, *, workers: int, batch_size: int) -> tuple[float, list[Any]]:
        """Let so many workers handle all that is due. Return when they were told, and their answers."""
        told_at = time.time()
        for member in self.members[:workers]:
            member.tell({"drain": batch_size})
        return told_at, [json.loads(member.answer(DRAIN_SECONDS)) for member in self.members[:workers]]

    @property
    def pids(self) -> list[int]:
        return [member.process.pid for member in self.members]

    def check(self) -> None:
        """Raise WorkerFailed when a worker has ended."""
        for member in self.members:
            member.check()

    def run_forever(self) -> None:
        """Let the workers wait for events until the end."""
        for member in self.members:
            member.tell({"forever": True})


def product_crew(
    form: str,
    database: Database,
    *,
    size: int = 1,
    claims: bool = False,
    kinds: bool = False,
    seconds: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> Crew:
    """
    Return processes of the product's worker command.

    `claims`: they answer with the time of each claim. `kinds`: they know sixty further types. `seconds`: they end a
    drain then, whatever is left. The `variables` are set for them alone.
    """
    options = [*(["--claims"] if claims else []), *(["--kinds"] if kinds else [])]
    if seconds:
        options += ["--seconds", str(seconds)]
    env = environment(database.url) | dict(variables or {})
    return Crew("lab.bench.product_worker", form, *options, size=size, env=env)


def bare_crew(form: str, database: Database, *, size: int = 1) -> Crew:
    """Return processes of the raw loop with the handlers that the product's workers have."""
    return Crew("lab.bench.bare_worker", form, size=size, env=environment(database.url))


def raw_crew(database: Database, *, size: int = 1) -> Crew:
    """Return processes of the raw loop."""
    return Crew("lab.bench.raw_worker", database.url, size=size, env=environment(database.url))
