"""Calls the API as a person with curl would, and shows both sides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any

from dev.http_client import HttpClient, NoAnswer

SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 160


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
        answer = self._send(method, path, who=who, body=body, request_id=request_id)
        if not quiet or answer.status != expected:
            print(_command(method, self.url + path, who, body, request_id))
            print(_shown(answer))
        if answer.status != expected:
            raise DemoFailed(f"{method} {path} as {who or 'nobody'}: expected {expected}, got {answer.status}")
        if not quiet:
            self.passed += 1
        return answer

    def expect(self, what: str, found: Any, expected: Any) -> None:
        """Raise DemoFailed unless both are equal."""
        if found != expected:
            raise DemoFailed(f"{what}: expected {expected!r}, found {found!r}")
        self.passed += 1
        print(f"  ok: {what}: {json.dumps(found, default=str)}")

    def _send(self, method: str, path: str, *, who: str, body: Any, request_id: str) -> Answer:
        headers = {"X-Request-ID": request_id} if request_id else {}
        try:
            answer = self._http.send(method, path, body, token=self._tokens[who] if who else "", headers=headers)
            return Answer(answer.status, answer.headers, answer.document())
        except NoAnswer as error:
            raise DemoFailed(f"{method} {self.url}{path}: {error}") from None


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
