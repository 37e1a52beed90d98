"""In production the server does not start on settings with which it would only look safe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

GOOD = {
    "QHSE_ENV": "production",
    "SECRET_KEY": "s" * 60,
    "JWT_SIGNING_KEY": "j" * 60,
    "ALLOWED_HOSTS": "qhse.example.com",
    "DATABASE_URL": "sqlite:///:memory:",  # not that of `make run`, whose demo users would be refused
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Load the WSGI application in a process of its own, as gunicorn does."""
    return subprocess.run(
        [sys.executable, "-c", "import qhse.wsgi"],
        cwd=settings.BASE_DIR,
        env=os.environ | GOOD | changes,
        capture_output=True,
        text=True,
    )


def test_good_settings_start():
    answer = start()

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"JWT_SIGNING_KEY": "short"}, "JWT_SIGNING_KEY"),
        ({"JWT_SIGNING_KEY": "s" * 60}, "are equal"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"JWT_SIGNING_KEY": ""}, "JWT_SIGNING_KEY"),
        ({"SECRET_KEY": "dev-only-secret-key-that-production-refuses-to-start-with"}, "SECRET_KEY"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "10.0.0.300"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "0.0.0.0/1,128.0.0.0/1"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "10.0.0.7,128.0.0.0/2"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "::/1,8000::/1"}, "TRUSTED_PROXIES"),
        ({"METRICS_TOKEN": "x"}, "METRICS_TOKEN"),
        ({"CSRF_TRUSTED_ORIGINS": "http://qhse.example.com"}, "CSRF_TRUSTED_ORIGINS"),
        ({"OIDC_ISSUER": "https://login.example.com"}, "OIDC_AUDIENCE"),
        ({"OIDC_ROLES": "admin"}, "OIDC_ROLES"),
        ({"LOGIN_FAILURES_PER_ACOUNT": "5"}, "LOGIN_FAILURES_PER_ACOUNT"),
        ({"LOGIN_WINDOW": "0"}, "LOGIN_WINDOW"),
        ({"OUTBOX_POLL_INTERVALL": "1"}, "OUTBOX_POLL_INTERVALL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_setting_stops_the_start_and_is_named(changes, named):
    answer = start(**changes)

    assert answer.returncode != 0
    assert named in answer.stderr.splitlines()[-1]
