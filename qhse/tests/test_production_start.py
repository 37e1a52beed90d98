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
        ({"OUTBOX_POLL_INTERVALL": "1"}, "OUTBOX_POLL_INTERVALL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_setting_stops_the_start_and_is_named(changes, named):
    answer = start(**changes)

    assert answer.returncode != 0
    assert named in answer.stderr.splitlines()[-1]
