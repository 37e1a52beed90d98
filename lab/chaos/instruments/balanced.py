"""Callers behind a balancer: each request goes to the next of the API processes that are in it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from dev.http_client import Answer, HttpClient, NoAnswer
from dev.stack import HOST
from dev.waiting import wait_until

DRAINED_SECONDS = 30.0


class Balancer:
    """Which API processes get requests. One that is taken out gets none any more, and ends those in hand."""

    def __init__(self) -> None:
        self.served: Counter[int] = Counter()
        self._ports: list[int] = []
        self._in_hand: Counter[int] = Counter()
        self._guard = threading.Lock()

    def put_in(self, port: int) -> None:
        with self._guard:
            self._ports.append(port)

    def take_out(self, port: int) -> None:
        """Return when no request is in its hands."""
        with self._guard:
            self._ports.remove(port)
        wait_until(lambda: not self._in_hand[port], seconds=DRAINED_SECONDS, what="the last requests of a process")

    def begin(self) -> int:
        with self._guard:
            port = self._ports[sum(self.served.values()) % len(self._ports)]
            self.served[port] += 1
            self._in_hand[port] += 1
        return port

    def end(self, port: int) -> None:
        with self._guard:
            self._in_hand[port] -= 1


class Caller(threading.Thread):
    """
    A client that has one conversation after the other, each request with whichever process is next.

    What was not answered as it should be is in `failed`. `recorded` holds the names of suppliers and the descriptions
    of cases that were acknowledged.
    """

    def __init__(self, name: str, balancer: Balancer, user: str, password: str) -> None:
        super().__init__(name=name, daemon=True)
        self.requests = 0
        self.failed: list[str] = []
        self.recorded: list[str] = []
        self.longest = 0.0
        self._balancer, self._is_over = balancer, threading.Event()
        self._lines: dict[int, HttpClient] = {}
        self._credentials = {"username": user, "password": password}
        self._tokens: dict[str, str] = {}

    def end(self) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        self._tokens = self._ask(200, "POST", "/auth/login", self._credentials).document()
        number = 0
        while not self._is_over.is_set():
            number += 1
            try:
                self._converse(f"{self.name}-{number}")
                if number % 20 == 0:
                    refresh = {"refresh_token": self._tokens["refresh_token"]}
                    self._tokens = self._ask(200, "POST", "/auth/refresh", refresh).document()
            except _Failed:
                continue

    def _converse(self, name: str) -> None:
        """Record a supplier and a case, change both by what was read, and read what everybody reads."""
        supplier = self._once("/suppliers", {"name": name}, key=name)
        self._change(f"/suppliers/{supplier}", "certification", {"certification_expiry": "2028-06-30"})
        self.recorded.append(name)
        nc = self._once("/ncs", {"supplier_id": supplier, "severity": "high", "description": name}, key=f"nc {name}")
        self._change(f"/ncs/{nc}", "close", None)
        for path in ("/ncs?status=OPEN&severity=high&limit=20", "/suppliers?limit=20", "/audit-log?limit=20", "/kpi",
                     "/me/work"):  # fmt: skip
            self._ask(200, "GET", path)

    def _once(self, path: str, body: dict[str, Any], *, key: str) -> int:
        """Record something, ask again with the same key, and demand the same answer."""
        first, again = (
            self._ask(201, "POST", path, body, headers={"Idempotency-Key": key.replace(" ", "-")}).document()["id"]
            for _ in range(2)
        )
        if first != again:
            self.failed.append(f"POST {path}: {first} and {again} by one key")
        return int(first)

    def _change(self, path: str, step: str, body: dict[str, Any] | None) -> None:
        tag = self._ask(200, "GET", path).headers["ETag"]
        self._ask(200, "PATCH", f"{path}/{step}", body, headers={"If-Match": tag})

    def _ask(self, wanted: int, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        port = self._balancer.begin()
        self.requests += 1
        began = time.monotonic()
        line = self._lines.setdefault(port, HttpClient(f"http://{HOST}:{port}", keep_open=True))
        try:
            answer = line.send(method, path, body, token=self._tokens.get("access_token", ""), **options)
        except NoAnswer as error:
            self._fail(f"{method} {path}: no answer: {error}")
        finally:
            self.longest = max(self.longest, time.monotonic() - began)
            self._balancer.end(port)
        if answer.status != wanted:
            self._fail(f"{method} {path}: {answer.status} {answer.content[:200]!r}")
        return answer

    def _fail(self, what: str) -> None:
        self.failed.append(what)
        raise _Failed


class _Failed(Exception):
    """The conversation is over; the next one begins."""
