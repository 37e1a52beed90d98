"""Calls the real WSGI application within this process: everything of a request but the socket."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

CSRF_SECRET = "c" * 32


def warm_up() -> None:
    """Load here what the first request and the first connection load. Then no fork has to."""
    from django.db import connection

    _call("GET", "/healthz", b"", "", {})
    _call("GET", "/admin/login/", b"", "", {})
    connection.ensure_connection()
    connection.close()


def token_of(username: str) -> str:
    """Log a user in without a password, and return the access token."""
    from qhse.accounts.models import User
    from qhse.accounts.services.tokens import issue_tokens

    return issue_tokens(User.objects.get(username=username)).access_token


def session_of(username: str) -> str:
    """Open a session of the admin site, and return its key."""
    from django.conf import settings
    from django.test import Client

    from qhse.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username=username))
    key: str = client.cookies[settings.SESSION_COOKIE_NAME].value
    return key


def call_api(method: str, path: str, body: Any, *, token: str = "", key: str = "") -> int:
    """Send JSON, under an Idempotency-Key if one is given, and return the status of the answer."""
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    if key:
        headers["HTTP_IDEMPOTENCY_KEY"] = key
    return _call(method, path, json.dumps(body).encode(), "application/json", headers)


def post_form(path: str, fields: Mapping[str, str], *, session: str) -> int:
    """Send a form of the admin site; 302 means that it was accepted."""
    body = urlencode(dict(fields) | {"csrfmiddlewaretoken": CSRF_SECRET}).encode()
    cookies = f"sessionid={session}; csrftoken={CSRF_SECRET}"
    return _call("POST", path, body, "application/x-www-form-urlencoded", {"HTTP_COOKIE": cookies})


def _call(method: str, path: str, body: bytes, content_type: str, headers: Mapping[str, str]) -> int:
    from qhse.wsgi import application

    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        **headers,
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)

    answer = application(environ, start_response)
    try:
        for _ in answer:
            pass
    finally:
        answer.close()
    return int(statuses[-1].split()[0])
