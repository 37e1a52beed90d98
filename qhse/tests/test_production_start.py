"""In production the server does not start on settings with which it would only look safe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from qhse.accounts.roles import Role
from qhse.accounts.services import create_user
from qhse.api.production import check_production_database

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
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"JWT_SIGNING_KEY": ""}, "JWT_SIGNING_KEY"),
        ({"SECRET_KEY": "dev-only-secret-key-that-production-refuses-to-start-with"}, "SECRET_KEY"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "10.0.0.300"}, "TRUSTED_PROXIES"),
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


class TestTheDatabase:
    @pytest.fixture
    def production(self, settings, db):
        settings.PRODUCTION = True

    def refusals(self):
        return {error.id: error.msg for error in check_production_database(None, databases=["default"])}

    def test_with_demo_users_is_refused_by_their_names(self, production):
        for name in ("admin", "quality"):
            create_user(username=name, password=name, role=Role.ADMIN, actor=None)

        assert self.refusals()["qhse.E006"] == "Demo users are present: admin, quality."

    def test_with_users_of_these_names_and_real_passwords_is_fine(self, production, users):
        assert "qhse.E006" not in self.refusals()

    def test_with_deactivated_demo_users_is_fine(self, production):
        user = create_user(username="auditor", password="auditor", role=Role.AUDITOR, actor=None)
        type(user).objects.filter(pk=user.pk).update(is_active=False)

        assert "qhse.E006" not in self.refusals()

    def test_outside_production_is_not_asked(self, users):
        create_user(username="second", password="second", role=Role.ADMIN, actor=None)

        assert self.refusals() == {}

    @pytest.mark.postgres
    def test_that_forgets_what_it_has_answered_is_refused(self, production):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")

        assert "synchronous_commit=off" in self.refusals()["qhse.E007"]

    @pytest.mark.django_db(transaction=True)
    def test_a_worker_does_not_start_on_it(self, settings):
        create_user(username="admin", password="admin", role=Role.ADMIN, actor=None)
        settings.PRODUCTION = True

        with pytest.raises(CommandError, match="Demo users are present: admin"):
            call_command("run_outbox_worker", "--once")
