"""A plain HTTP client: no proxy, no redirects. Demo, laboratory and fuzzer call the API by it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """The line broke, or what came is no answer. Whether the request was carried out, nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. The names of its headers are looked up in any case."""

    status: int
    headers: Message
    content: bytes

    def document(self) -> Any:
        """Return the JSON, or None when there is no content. Raises NoAnswer when it is not JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            raise NoAnswer(f"the answer ({self.status}) is not JSON: {self.content[:80]!r}") from None


class HttpClient:
    """
    A client of one server, for one thread.

    Each request has a line of its own. With `keep_open` the first line serves all, until it breaks.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 20.0, keep_open: bool = False) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_seconds)
        self._prefix = parts.path.rstrip("/")
        self._keep_open = keep_open

    def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """
        Send the body as JSON, bytes as they are: `headers` say what they are. Return the answer, whatever its status.

        Raises NoAnswer.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        content = body if isinstance(body, bytes) else None
        if body is not None and content is None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            self._connection.request(method, self._prefix + path, content, sent)
            response = self._connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error
        if not self._keep_open:
            self.close()
        return answer

    def close(self) -> None:
        """Close the line, if it is open. The next request opens another."""
        self._connection.close()


def is_ready(url: str) -> bool:
    """Answer whether `/readyz` of this server says 200."""
    try:
        return HttpClient(url, timeout_seconds=5.0).send("GET", "/readyz").status == 200
    except NoAnswer:
        return False
