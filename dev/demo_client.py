"""Calls the API as a person with curl would, and shows both sides. The standard library is enough."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

SHOWN_ITEMS = 3
SHOWN_CHARACTERS = 160

_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the server is on this machine or beside it


class DemoFailed(RuntimeError):
    """One line for a person: what was expected, and what came."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class DemoClient:
    """
    A client of one server. It knows the tokens of those who logged in.

    `passed` counts the expectations that held.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.passed = 0
        self._tokens: dict[str, str] = {}

    def log_in(self, username: str) -> None:
        """Log a demo user in; the password is the name. Later calls may be made `who=username`."""
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
        """Make one call and show it. Another status than the expected one raises DemoFailed."""
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
        headers = {"Accept": "application/json"}
        if who:
            headers["Authorization"] = f"Bearer {self._tokens[who]}"
        if request_id:
            headers["X-Request-ID"] = request_id
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)
        try:
            with _http.open(request, timeout=30) as response:
                return _answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _answer(refusal.code, dict(refusal.headers), refusal.read())
        except OSError as error:
            raise DemoFailed(f"{method} {self.url}{path}: {getattr(error, 'reason', error)}") from None


def _answer(status: int, headers: dict[str, str], raw: bytes) -> Answer:
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        raise DemoFailed(f"the answer ({status}) is not JSON: {raw[:80]!r}") from None
    return Answer(status, headers, body)


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
