"""Calls the API as a person with curl would, and shows both sides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any

from dev.http_client import HttpClient, NoAnswer
from dev.waiting import Stalled, wait_until

SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 160
SHOWN_LINES = 4
WORKER_SECONDS = 30.0
_BOUNDARY = "demo-7f3a1c"


class DemoFailed(RuntimeError):
    """One line for a person: what was expected, and what came."""


@dataclass(frozen=True)
class Answer:
    """One answer, with its JSON."""

    status: int
    headers: Message
    body: Any


class DemoClient:
    """
    A client of one server. It knows the tokens of those who logged in.

    `passed` counts the expectations that held.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.passed = 0
        self._http = HttpClient(self.url, timeout_seconds=30.0)
        self._tokens: dict[str, str] = {}

    def log_in(self, username: str) -> None:
        """Log a demo user in; their password is their name. Later calls may be made `who=username`."""
        answer = self.call("POST", "/auth/login", body={"username": username, "password": username})
        self.expect("the role in the answer", answer.body["role"], username)
        self._tokens[username] = answer.body["access_token"]

    def call(
        self,
        method: str,
        path: str,
        *,
        who: str = "",
        body: Any = None,
        expected: int = 200,
        request_id: str = "",
        quiet: bool = False,
    ) -> Answer:
        """Make one call, and show it. Raises DemoFailed when the status is not the expected one."""
        headers = {"X-Request-ID": request_id} if request_id else {}
        answer = self._send(method, path, who=who, body=body, headers=headers)
        if not quiet or answer.status != expected:
            print(_command(method, self.url + path, who, body, request_id))
            print(_shown(answer))
        self._demand(answer, f"{method} {path} as {who or 'nobody'}", expected, is_counted=not quiet)
        return answer

    def _demand(self, answer: Answer, what: str, expected: int, *, is_counted: bool = True) -> None:
        if answer.status != expected:
            raise DemoFailed(f"{what}: expected {expected}, got {answer.status}")
        self.passed += is_counted

    def upload(
        self, path: str, *, who: str, fields: Mapping[str, str], name: str, content: bytes, expected: int = 201
    ) -> Answer:
        """Send a form with a file, and show it. Raises DemoFailed when the status is not the expected one."""
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in fields.items()
        ]
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = b"".join([*parts, head.encode(), content, f"\r\n--{_BOUNDARY}--\r\n".encode()])
        forms = " ".join([*(f"-F {field}={value!r}" for field, value in fields.items()), f"-F file=@{name}"])
        print(f"\n$ curl -s {self.url}{path} -H 'Authorization: Bearer <{who}>' {forms}")
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        answer = self._send("POST", path, who=who, body=body, headers=headers)
        print(_shown(answer))
        self._demand(answer, f"POST {path} as {who}", expected)
        return answer

    def download(self, path: str, *, who: str, accept: str) -> str:
        """Fetch a text, and show its first lines."""
        print(f"\n$ curl -s '{self.url}{path}' -H 'Authorization: Bearer <{who}>' -H 'Accept: {accept}'")
        try:
            found = self._http.send("GET", path, token=self._tokens[who], headers={"Accept": accept})
        except NoAnswer as error:
            raise DemoFailed(f"GET {self.url}{path}: {error}") from None
        text = found.content.decode("utf-8-sig", errors="replace")
        self._demand(Answer(found.status, found.headers, None), f"GET {path} as {who}", 200)
        lines = text.splitlines()
        more = [f"… {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
        print("\n".join([line[:SHOWN_CHARACTERS] for line in lines[:SHOWN_LINES]] + more))
        return text

    def wait_for(self, what: str, holds: Callable[[], Any]) -> None:
        """Ask until it holds. Raises DemoFailed when it does not in time."""
        started = time.monotonic()
        try:
            wait_until(holds, seconds=WORKER_SECONDS, what=what, every=0.05)
        except Stalled:
            raise DemoFailed(f"{what}: not within {WORKER_SECONDS:.0f} s; does run_outbox_worker run?") from None
        self.passed += 1
        print(f"  ok: {what} (waited {time.monotonic() - started:.1f} s)")

    def expect(self, what: str, found: Any, expected: Any) -> None:
        """Raise DemoFailed unless both are equal."""
        if found != expected:
            raise DemoFailed(f"{what}: expected {expected!r}, found {found!r}")
        self.passed += 1
        print(f"  ok: {what}: {json.dumps(found, default=str)}")

    def _send(self, method: str, path: str, *, who: str, body: Any, headers: Mapping[str, str]) -> Answer:
        try:
            answer = self._http.send(method, path, body, token=self._tokens[who] if who else "", headers=headers)
            return Answer(answer.status, answer.headers, answer.document())
        except NoAnswer as error:
            raise DemoFailed(f"{method} {self.url}{path}: {error}") from None


def chapter(title: str) -> None:
    print(f"\n=== {title} ===", flush=True)


def _command(method: str, url: str, who: str, body: Any, request_id: str) -> str:
    parts = ["\n$ curl -s"] + ([f"-X {method}"] if method != "GET" else []) + [f"'{url}'" if "?" in url else url]
    if who:
        parts.append(f"-H 'Authorization: Bearer <{who}>'")
    if request_id:
        parts.append(f"-H 'X-Request-ID: {request_id}'")
    if body is not None:
        parts.append(f"-H 'Content-Type: application/json' -d '{json.dumps(body, ensure_ascii=False)}'")
    return " ".join(parts)


def _shown(answer: Answer) -> str:
    text = "" if answer.body is None else "\n" + json.dumps(_abridged(answer.body), indent=2, ensure_ascii=False)
    return f"{answer.status} {HTTPStatus(answer.status).phrase}{text}"


def _abridged(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _abridged(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value) - SHOWN_ITEMS} more"] if len(value) > SHOWN_ITEMS else []
        return [_abridged(inner) for inner in value[:SHOWN_ITEMS]] + more
    if isinstance(value, str):
        limit = 12 if name.endswith("_token") else SHOWN_CHARACTERS
        return value if len(value) <= limit else value[:limit] + "…"
    return value
