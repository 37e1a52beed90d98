"""Fixtures for every test: users, clients, records made by the services, and a clean database afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.test import Client, TransactionTestCase
from rest_framework.test import APIClient

from qhse.deployment import connections

# The same examples in every run, so that a red test stays red until somebody mends it.
hypothesis.settings.register_profile(
    "suite", derandomize=True, database=None, deadline=None, max_examples=50, print_blob=False
)
hypothesis.settings.load_profile("suite")


@contextmanager
def triggers_off() -> Iterator[None]:
    """
    Let the flush between tests empty the tables that their triggers protect.

    They go off and on in the transaction of the flush itself. A run that is killed leaves them on.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
            cursor.execute("SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal")
            triggers = cursor.fetchall()
            off = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name, _ in triggers]
            states = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
            on = [f"ALTER TABLE {table} {states[state]} TRIGGER {name}" for table, name, state in triggers]
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            off = [f"DROP TRIGGER {name}" for name, _ in triggers]
            # Some come back by themselves: the flush says that migrations have run.
            on = [sql.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1) for _, sql in triggers]
        for statement in off:
            cursor.execute(statement)
        yield
        for statement in on:
            cursor.execute(statement)


_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _flush_without_triggers(case: TransactionTestCase) -> None:
    with triggers_off():
        _flush(case)


_request = Client.request
_streams: list[Any] = []


def _request_and_remember(client: Client, **request: Any) -> Any:
    response = _request(client, **request)
    if response.streaming:
        _streams.append(response)
    return response


def pytest_runtest_teardown() -> None:
    # As a server does after each answer. The test client closes those alone that are read to their end. A file left
    # open would be told of when cycles are next looked for, and fail whatever test runs then.
    with _connections_stay():
        while _streams:
            _streams.pop().close()


@contextmanager
def _connections_stay() -> Iterator[None]:
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def pytest_configure() -> None:
    Client.request = _request_and_remember  # type: ignore[method-assign]
    # Look static files up when asked: listing them all for each test's client takes longer than most tests.
    settings.WHITENOISE_AUTOREFRESH = True
    # `TestCase` has a teardown of its own, a rollback; this is the one of `django_db(transaction=True)`.
    TransactionTestCase._fixture_teardown = _flush_without_triggers  # type: ignore[attr-defined]


@cache
def _hash_of(password: str) -> str:
    return make_password(password)


@pytest.fixture
def users(db: None) -> dict[str, Any]:
    """
    One user of each role by the role's name; the password is `correct-horse-<role>`.

    Rows and audit entries are those of `create_user`. They are written at once: half of all tests begin so.
    """
    from audit.services import entry_for, record_all
    from qhse.accounts.models import User
    from qhse.accounts.roles import Role

    with transaction.atomic():
        made = User.objects.bulk_create(
            User(username=role.value, password=_hash_of(f"correct-horse-{role.value}"), role=role, is_staff=True)
            for role in Role
        )
        record_all(entry_for(
            actor=None, action="USER_CREATED", entity_type="user", entity_id=user.pk,
            changes={
                "username": (None, user.username), "email": (None, ""), "role": (None, str(user.role)),
                "is_staff": (None, True), "is_active": (None, True),
            },
        ) for user in made)  # fmt: skip
    return {user.username: user for user in made}


@pytest.fixture
def anonymous() -> APIClient:
    """A client without a token."""
    return APIClient()


@pytest.fixture
def api(users: dict[str, Any]) -> Callable[[Any], APIClient]:
    """Return a client of a role or a user, with a real access token."""
    from qhse.accounts.services.tokens import issue_tokens

    def client_of(role_or_user: Any) -> APIClient:
        user = users[role_or_user] if isinstance(role_or_user, str) else role_or_user
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access_token}")
        return client

    return client_of


@pytest.fixture
def make_supplier(users: dict[str, Any]) -> Callable[..., Any]:
    """Record a supplier through its service, by procurement. Without a name it gets one of its own."""
    from suppliers.services import create_supplier

    numbers = count(1)

    def make(**overrides: Any) -> Any:
        values = {"name": f"Hansa Forge {next(numbers)} GmbH", "actor": users["procurement"]} | overrides
        return create_supplier(**values)

    return make


@pytest.fixture
def make_certificate(users: dict[str, Any], make_supplier: Callable[..., Any]) -> Callable[..., Any]:
    """
    Hand in a certificate through its service, by procurement. Without a supplier it gets one of its own.

    `days` are those until its last one, in UTC. With `verified` it is verified by quality.
    """
    from qhse import clock
    from suppliers.services import submit_certificate, verify_certificate

    def make(*, days: int = 700, verified: bool = False, **overrides: Any) -> Any:
        today = clock.today()
        values = {
            "standard": "iso_9001",
            "number": "12 100 4711",
            "issuer": "TÜV Nord Cert",
            "valid_from": today - timedelta(days=400),
            "valid_to": today + timedelta(days=days),
            "actor": users["procurement"],
        } | overrides
        if "supplier_id" not in values:
            values["supplier_id"] = make_supplier().pk
        certificate = submit_certificate(**values)
        if not verified:
            return certificate
        return verify_certificate(certificate_id=certificate.pk, method="register", actor=users["quality"])

    return make


@pytest.fixture
def make_nc(users: dict[str, Any], make_supplier: Callable[..., Any]) -> Callable[..., Any]:
    """Open a non-conformity through its service, by quality. Without a supplier it gets one of its own."""
    from ncs.services import open_nonconformity

    def make(**overrides: Any) -> Any:
        values = {
            "severity": "medium",
            "description": "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm",
            "actor": users["quality"],
        } | overrides
        if "supplier_id" not in values:
            values["supplier_id"] = make_supplier().pk
        return open_nonconformity(**values)

    return make


@pytest.fixture
def problem_of() -> Callable[[Any, int], dict[str, Any]]:
    """Return an answer's problem document. It has this status and the contract's members."""

    def check(response: Any, status: int) -> dict[str, Any]:
        assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), (
            "a stream" if response.streaming else response.content[:500]
        )
        document: dict[str, Any] = response.json()
        assert set(document) - {"errors", "existing_id"} == {"type", "title", "status", "detail", "code", "request_id"}
        assert document["status"] == status
        assert document["type"] == f"urn:qhse:problem:{document['code']}"
        assert document["request_id"] == response["X-Request-ID"]
        assert document["title"] and document["detail"]
        for error in document.get("errors", ()):
            assert set(error) == {"field", "code", "detail"}
        return document

    return check


@pytest.fixture
def row_counts(db: None) -> Callable[[], dict[str, int]]:
    """Count the rows of each table that a request could write to. Notes of refusals do not count."""
    from audit.models import AuditEntry
    from ncs.models import NonConformity
    from outbox.models import OutboxEvent, ProcessedEvent
    from qhse.attachments.models import Attachment
    from suppliers.models import Certificate, Supplier

    models = (Supplier, Certificate, NonConformity, Attachment, AuditEntry, OutboxEvent, ProcessedEvent)

    def count_rows() -> dict[str, int]:
        counts = {model.__name__: model.objects.count() for model in models}
        return counts | {"AuditEntry": AuditEntry.objects.exclude(action="ACCESS_DENIED").count()}

    return count_rows


@pytest.fixture
def connection_stays_open() -> Iterator[None]:
    """Let a test call the WSGI application itself. Django would end the test's transaction with the request."""
    with _connections_stay():
        yield


@pytest.fixture
def drain(db: None) -> Callable[..., Any]:
    """Run the worker until nothing is due; what a handler raises is raised. See `outbox.testing.drain`."""
    from outbox import testing

    return testing.drain


@pytest.fixture
def unbound(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections whose bounds are the test's own."""
    monkeypatch.setattr(connections, "_bounds", {})
    monkeypatch.setattr(connections._plans, "settings", {}, raising=False)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", dict(connection.settings_dict["OPTIONS"]))
    yield
    connection.close()


_PAGES = """
SELECT relname, heap_blks_read + heap_blks_hit FROM pg_statio_user_tables
UNION ALL SELECT indexrelname, idx_blks_read + idx_blks_hit FROM pg_statio_user_indexes
"""


@pytest.fixture
def pages_read() -> Callable[[Callable[[], object]], dict[str, int]]:
    """
    Return how many pages of each table and index PostgreSQL reads for a call, by its own count.

    Rows would not do: a walk through a whole index that finds nothing reads none.
    """

    def counts() -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT 1")
            cursor.execute(_PAGES)
            return dict(cursor.fetchall())

    def read(call: Callable[[], object]) -> dict[str, int]:
        before = counts()
        call()
        return {name: pages - before[name] for name, pages in counts().items() if pages != before[name]}

    return read
