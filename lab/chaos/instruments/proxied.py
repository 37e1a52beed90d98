"""The laboratory's end of the proxy."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.postgres.server import ROLE, SOCKET_NAME
from dev.processes import start_python
from dev.waiting import Stalled
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory


class ProxyProcess:
    """A running proxy before the private server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.port: int = self._answer()["port"]

    def url(self, database: Database) -> str:
        return f"postgres://{ROLE}@127.0.0.1:{self.port}/{database.name}"

    def order(self, text: str) -> dict[str, int]:
        """Give an order, and return the counts."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()
        counts: dict[str, int] = self._answer()
        return counts

    def count(self, name: str) -> int:
        return self.order("count")[name]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Stalled("the proxy has ended")
        return json.loads(line)


@contextmanager
def proxy(lab: Laboratory, socket_path: Path | None = None) -> Iterator[ProxyProcess]:
    """Run a proxy before the laboratory's server, or before whatever this socket leads to."""
    socket_path = socket_path or lab.server.directory / SOCKET_NAME
    with lab.log("proxy").open("ab") as log:
        command = ["-m", "lab.chaos.instruments.proxy", str(socket_path)]
        process = start_python(command, env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    with process:
        try:
            yield ProxyProcess(process)
        finally:
            process.kill()
