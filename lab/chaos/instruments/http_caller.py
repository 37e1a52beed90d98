"""A client of the HTTP API. It writes without end, and repeats each write whose outcome it does not know."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dev.http_client import HttpClient, NoAnswer
from dev.stack import HOST
from lab.chaos.instruments.laboratory import PASSWORD
from lab.chaos.instruments.ledger import Ledger, Told

PAUSE_SECONDS = 0.02
DEFECT = 3  # exit code after an answer that must never be given


def be_http_caller(name: str, ledger: Path, *, port: int) -> None:
    """Write until SIGTERM. Exit with DEFECT when the API answered 500, or refused what is right."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    caller = HttpCaller(name, ledger, port)
    while not stop.is_set():
        caller.write_once()
    sys.exit(DEFECT if caller.defects else 0)


class HttpCaller:
    """One client, with one connection that it keeps open."""

    def __init__(self, name: str, ledger: Path, port: int) -> None:
        self.defects = 0
        self._name = name
        self._ledger = Ledger(ledger)
        self._http = HttpClient(f"http://{HOST}:{port}", keep_open=True)
        self._token = ""
        self._number = 0
        self._supplier = 0

    def write_once(self) -> None:
        """Record a supplier, or an NC against the last one."""
        self._number += 1
        token = f"{self._name}-{self._number}"
        if self._number % 3 and self._supplier:
            self._write("nc", token, "/ncs", {"supplier_id": self._supplier, "severity": "low", "description": token})
        else:
            answer = self._write("supplier", token, "/suppliers", {"name": token})
            self._supplier = answer["id"] if answer else self._supplier

    def _write(self, kind: str, token: str, path: str, body: dict[str, Any]) -> Any:
        """Ask until the outcome is known. The Idempotency-Key makes one write of all requests."""
        told, answer = Told.UNKNOWN, None
        while told == Told.UNKNOWN:
            self._ledger.begin(kind, [token])
            status, answer = self._call(path, body, key=token)
            if status in (0, 401, 503) or answer.get("code") == "request_in_flight":
                told = Told.UNKNOWN  # of 401 only because an earlier try may have been stored
            else:
                told = Told.ACKNOWLEDGED if status == 201 else Told.REFUSED
            self._ledger.end(kind, [token], told)
            if status == 401:
                self._log_in()
            elif told == Told.REFUSED:
                self._complain(status, answer)
            elif told == Told.UNKNOWN:
                time.sleep(PAUSE_SECONDS)
        return answer if told == Told.ACKNOWLEDGED else None

    def _log_in(self) -> None:
        self._token = ""
        status, answer = self._call("/auth/login", {"username": "admin", "password": PASSWORD})
        if status == 200:
            self._token = answer["access_token"]
        elif status not in (0, 503):
            self._complain(status, answer)

    def _call(self, path: str, body: dict[str, Any], *, key: str = "") -> tuple[int, Any]:
        """Return status and document; status 0 when the line broke, and nobody knows."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._http.send("POST", path, body, token=self._token, headers=headers)
            return answer.status, answer.document() or {}
        except NoAnswer:
            return 0, {}

    def _complain(self, status: int, answer: Any) -> None:
        self.defects += 1
        sys.stderr.write(f"{self._name}: {status} {answer}\n")
