"""In production nothing works on a database with which it would only look safe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.db.backends.signals import connection_created

from dev.postgres.server import PrivatePostgres
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user, set_password
from qhse.deployment.connections import UnsafeDatabase
from qhse.deployment.database_checks import check_production_database, refuse_unsafe_database
from qhse.deployment.tests.test_settings_checks import GOOD


class TestTheDatabase:
    @pytest.fixture
    def production(self, settings, db):
        settings.PRODUCTION = True

    def refusals(self):
        return {error.id: error.msg for error in check_production_database(None, databases=["default"])}

    def test_with_demo_users_is_refused_by_their_names(self, production):
        for name in ("admin", "quality"):
            create_user(username=name, password=name, role=Role.ADMIN, actor=None)

        assert self.refusals().get("qhse.E006") == "Demo users are present: admin, quality."

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
    def test_a_worker_does_not_start_on_it(self, settings, unbound):
        create_user(username="admin", password="admin", role=Role.ADMIN, actor=None)
        settings.PRODUCTION = True

        with pytest.raises(CommandError, match="Demo users are present: admin"):
            call_command("run_outbox_worker", "--once")


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | GOOD | changes,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def empty_database(tmp_path) -> Iterator[str]:
    """Return the URL of a database with nothing in it; the tests' own server is not durable, and so refused."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with PrivatePostgres(durable=True) as server:
        yield server.url()


class TestMigrate:
    def test_begins_with_nothing(self, empty_database):
        answer = manage("migrate", "--verbosity=0", DATABASE_URL=empty_database)

        assert answer.returncode == 0, answer.stderr
        assert manage("migrate", "--check", DATABASE_URL=empty_database).returncode == 0

    def test_goes_on_from_the_first_version_of_the_users_table(self, empty_database):
        first = manage("migrate", "accounts", "0001", "--verbosity=0", DATABASE_URL=empty_database)
        assert first.returncode == 0, first.stderr

        answer = manage("migrate", "--verbosity=0", DATABASE_URL=empty_database)

        assert answer.returncode == 0, answer.stderr


@pytest.mark.postgres
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_does_not_keep_every_text_is_refused_by_whoever_starts(encoding):
    with PrivatePostgres() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as maker:
            maker.execute(f"CREATE DATABASE odd ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        for command in (
            ("migrate",), ("check", "--database", "default"), ("outbox_status",), ("run_outbox_worker", "--once"),
            ("run_outbox_relay", "--drain"),
        ):  # fmt: skip
            answer = manage(*command, DATABASE_URL=server.url("odd"), QHSE_ENV="dev", BROKER_URL="nats://127.0.0.1:1")

            assert answer.returncode == 1, command
            assert f"The database's encoding is {encoding}" in answer.stderr, command
            assert "Traceback" not in answer.stderr


class TestADatabaseThatWasAwayAtTheStart:
    """On a connection of its own kind, because the tests' own is open already."""

    @pytest.fixture
    def started(self, settings, db, monkeypatch):
        settings.PRODUCTION = True
        monkeypatch.setattr("qhse.deployment.database_checks._volatile_server", list)  # the tests' own server is that
        with monkeypatch.context() as away:
            away.setattr("qhse.deployment.database_checks._demo_users", _away)
            away.setattr(type(connections["default"]), "close", lambda self: None)
            refuse_unsafe_database()
        yield
        connection_created.disconnect(dispatch_uid="look again at a database that was away at the start")

    def test_is_refused_when_it_answers_and_is_unsafe_until_that_is_mended(self, started, monkeypatch):
        demo = create_user(username="admin", password="admin", role=Role.ADMIN, actor=None)
        closed = []
        monkeypatch.setattr(type(connections["default"]), "close", lambda self: closed.append(self))

        for _ in range(2):
            with pytest.raises(UnsafeDatabase):
                connection_created.send(sender=type(connection), connection=connection)
        set_password(user_id=demo.pk, password="correct-horse-admin", actor=None)
        connection_created.send(sender=type(connection), connection=connection)
        type(demo).objects.filter(pk=demo.pk).delete()

        assert len(closed) == 2

    def test_is_looked_at_once_when_it_is_good(self, started, django_assert_num_queries):
        connection_created.send(sender=type(connection), connection=connection)

        with django_assert_num_queries(0):
            connection_created.send(sender=type(connection), connection=connection)

    def test_that_is_refused_is_not_ready_and_says_no_more_in_public(self, started, monkeypatch, client):
        def refused(*args, **kwargs):
            raise UnsafeDatabase("Demo users are present: admin")

        monkeypatch.setattr("qhse.deployment.probes.MigrationExecutor", refused)

        response = client.get("/readyz", secure=True)

        assert response.status_code == 503
        assert response.json()["checks"]["database"] == "refused; the log says why"


def _away():
    raise OperationalError("away")
