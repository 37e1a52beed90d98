"""In production the server does not start on settings with which it would only look safe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

from qhse.deployment.tests.collected import collected_files

GOOD = {
    "QHSE_ENV": "production",
    "SECRET_KEY": "s" * 60,
    "JWT_SIGNING_KEY": "j" * 60,
    "ALLOWED_HOSTS": "qhse.example.com",
    "DATABASE_URL": "sqlite:///:memory:",  # not that of `make run`, whose demo users would be refused
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Load the WSGI application in a process of its own, as gunicorn does."""
    return run(["-c", "import qhse.wsgi"], **changes)


@pytest.fixture
def collected(tmp_path):
    """Return the beginning of a script that knows where the static files lie."""
    collected_files(tmp_path)
    return f"import pathlib, qhse.settings; qhse.settings.STATIC_ROOT = pathlib.Path({str(tmp_path)!r}); "


def run(command: list[str], **changes: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | GOOD | changes
    return subprocess.run(
        [sys.executable, *command], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, timeout=60
    )


def test_good_settings_start(collected):
    answer = run(["-c", f"{collected}import qhse.wsgi"])

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
        ({"AUDIT_KEY_FALLBACKS": "one,two"}, "AUDIT_KEY_FALLBACKS"),
        ({"AUDIT_KEY_FALLBACKS": "dev-only-secret-key-that-production-refuses-to-start-with"}, "AUDIT_KEY_FALLBACKS"),
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


def test_a_part_between_commas_that_is_no_key_of_its_own_is_named():
    answer = run(["manage.py", "check"], AUDIT_KEY_FALLBACKS="f" * 60 + ",short")

    assert answer.returncode == 0
    assert "1 of the parts between its commas are shorter than 50 characters" in answer.stderr


GUNICORN = ["-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", "127.0.0.1:0"]
PROGRAMS = {
    "API": GUNICORN,
    "worker": ["manage.py", "run_outbox_worker"],
    "migrate": ["manage.py", "migrate"],
    "a command": ["manage.py", "outbox_status"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_says_in_one_line_what_is_wrong(program):
    bad = {"ALLOWED_HOSTS": "https://qhse.example.com", "OUTBOX_BATCH_SIZE": "10k", "OUTBOX_PORT": "tcp://10.0.0.1:80"}

    answer = run(PROGRAMS[program], **bad)

    assert answer.returncode != 0
    assert "Traceback" not in answer.stderr
    line = answer.stderr.splitlines()[-1]
    assert line.startswith("qhse: bad environment: ALLOWED_HOSTS: must be host names")
    assert "OUTBOX_BATCH_SIZE: must be a whole number" in line
    assert "OUTBOX_PORT" not in line


@pytest.mark.parametrize("nothing", ["", " "])
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_empty_name_of_the_settings_is_none(program, nothing):
    answer = run(PROGRAMS[program], DJANGO_SETTINGS_MODULE=nothing, ALLOWED_HOSTS="*")

    assert answer.returncode != 0
    assert "ALLOWED_HOSTS must name the hosts" in answer.stderr


def test_the_servers_own_settings_are_refused_in_one_line():
    answer = run(GUNICORN, GUNICORN_THREADS="two", PORT="http")

    (line,) = answer.stderr.splitlines()
    assert "PORT: must be a whole number from 1 to 65535" in line
    assert "GUNICORN_THREADS: must be" in line
