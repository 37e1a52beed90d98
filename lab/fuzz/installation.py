"""An installation to be fuzzed: a private server, demo data, a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dev.http_client import HttpClient
from dev.postgres.server import PrivatePostgres
from dev.processes import kept_variables
from dev.stack import Stack, free_port, run_manage

PRINCIPALS = ("quality", "procurement", "auditor", "admin", "anonymous")


class Installation:
    """A running installation. Its demo users' names are their passwords."""

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.port = port
        self._http = HttpClient(url)

    def accepts(self, token: str) -> bool:
        """Answer whether this access token is still good."""
        return self._http.send("GET", "/auth/me", token=token).status == 200

    def token_of(self, principal: str) -> str:
        """Log in anew, because an access token lives for five minutes. Return nothing for `anonymous`."""
        if principal == "anonymous":
            return ""
        answer = self._http.send("POST", "/auth/login", {"username": principal, "password": principal})
        token: str = answer.document()["access_token"]
        return token


@contextmanager
def installation() -> Iterator[Installation]:
    """Run one. It ends with the block."""
    port = free_port()
    with PrivatePostgres(durable=False) as server:
        env = kept_variables() | {
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
