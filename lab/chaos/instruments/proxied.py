"""The laboratory's end of the proxy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.postgres.server import ROLE, SOCKET_NAME
from dev.processes import die_with_parent
from lab.chaos.instruments.children import ROOT
from lab.chaos.instruments.laboratory import Database, Laboratory
from lab.chaos.instruments.waiting import Stalled


class ProxyProcess:
    """A running proxy before the private server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port: int = self._answer()["port"]

    def url(self, database: Database) -> str:
        return f"postgres://{ROLE}@127.0.0.1:{self.port}/{database.name}"

    def order(self, text: str) -> dict[str, int]:
        """Give an order and return the counts."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
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
def proxy(lab: Laboratory) -> Iterator[ProxyProcess]:
    """Run a proxy before the laboratory's server."""
    with lab.log("proxy").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.chaos.instruments.proxy", str(lab.server.directory / SOCKET_NAME)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    with process:
        try:
            yield ProxyProcess(process)
        finally:
            process.kill()
