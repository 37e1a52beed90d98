"""An installation to be fuzzed: a private server, demo data, a real HTTP server."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.postgres.server import PrivatePostgres
from dev.stack import Stack, free_port, run_manage

PRINCIPALS = ("quality", "procurement", "auditor", "admin", "anonymous")
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Installation:
    """Its base URL, and access tokens of its demo users, whose names are their passwords."""

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.port = port

    def post(self, path: str, body: dict[str, Any], token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with _http.open(request, timeout=20) as answer:
            return json.load(answer)

    def accepts(self, token: str) -> bool:
        """Answer whether this access token is still good."""
        request = urllib.request.Request(f"{self.url}/auth/me", headers={"Authorization": f"Bearer {token}"})
        try:
            with _http.open(request, timeout=20) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def token_of(self, principal: str) -> str:
        """Log in anew, because an access token lives for five minutes; nothing for `anonymous`."""
        if principal == "anonymous":
            return ""
        token: str = self.post("/auth/login", {"username": principal, "password": principal})["access_token"]
        return token


@contextmanager
def installation() -> Iterator[Installation]:
    """Run one; it ends with the block."""
    port = free_port()
    with PrivatePostgres(durable=False) as server:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        env = kept | {
            "QHSE_ENV": "dev",
            "DATABASE_URL": server.url(),
            "LOG_LEVEL": "ERROR",
            "GUNICORN_LOG_LEVEL": "ERROR",
            # Made-up logins must not lock out the users by whom the others are sent.
            "LOGIN_FAILURES_PER_ACCOUNT": "1000",
            "LOGIN_FAILURES_PER_ADDRESS": "10000",
        }
        run_manage("migrate", "--verbosity=0", env=env)
        run_manage("seed_demo", "--suppliers=20", "--ncs=60", env=env)
        with Stack(port=port, env=env, show=True) as stack:
            stack.start()
            yield Installation(stack.url, port)
            stack.check()
