"""Sealing beside writers and other sealers: nobody waits, and the horizon waits for who writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from audit.database_role import grant_application_role
from audit.models import AuditEntry, AuditSeal, SealedEntry, SealingTurn
from audit.proof import sealing
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from audit.services import record
from qhse.database import database_time
from qhse.deployment.connections import BY_INDEXES


def findings() -> list[str]:
    return [str(finding) for finding in Verification().run()]


@contextmanager
def another_session(
    work: Callable[[], object], *, setup: str = "SELECT 1", role: str = ""
) -> Iterator[Callable[[], None]]:
    """Do work in a transaction of another session, which stays open until what is yielded is called."""
    done, finish = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def run() -> None:
        try:
            if role:
                connection.settings_dict = connection.settings_dict | {"USER": role}
            with connection.cursor() as cursor:
                cursor.execute(setup)
            with transaction.atomic():
                work()
                done.set()
                finish.wait(30)
        except Exception as error:
            failures.append(error)
        finally:
            done.set()
            connections.close_all()

    def end() -> None:
        finish.set()
        thread.join(30)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert done.wait(30)
        yield end
    finally:
        end()
    assert failures == []


def write_slowly() -> None:
    record(actor=None, action="SLOW", entity_type="gauge", entity_id=1, changes={})


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_after_its_successors_is_sealed_later(write):
    """Ids and times are given when an entry is written; a sealer that counted on their order would lose this."""
    with another_session(write_slowly) as end:
        write(2)
        assert seal_new_entries().sealed == 2
        horizon = AuditSeal.objects.get().horizon
        end()

    slow = AuditEntry.objects.get(action="SLOW")
    assert slow.pk < min(SealedEntry.objects.values_list("entry_id", flat=True))
    assert horizon <= slow.created_at
    assert seal_new_entries().sealed == 1
    assert findings() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_horizon_waits_for_the_oldest_transaction_that_writes_however_old_it_is(write, small_blocks):
    with another_session(write_slowly) as end:
        write()
        seal_new_entries()
        end()
    seal_new_entries()

    assert AuditEntry.objects.unsealed().count() == 0
    assert findings() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_has_written_no_entry_holds_nothing(write, small_blocks):
    """Such as a dump of the database, which takes hours, and reads the sequence of ids too."""
    with another_session(lambda: read_all("audit_auditentry", "audit_auditentry_id_seq")):
        began = database_time()
        write()
        seal_new_entries()

    assert AuditSeal.objects.get().horizon > began


def read_all(*tables: str) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")


def horizons_around(writer: AbstractContextManager[Callable[[], None]], write: Callable[..., object]) -> list[datetime]:
    """Seal an entry before the writer begins and one while it writes; what it wrote must be in order once it ends."""
    write()
    seal_new_entries()
    with writer as end:
        write()
        seal_new_entries()
        horizons = list(AuditSeal.objects.order_by("number").values_list("horizon", flat=True))
        end()
    assert seal_new_entries().sealed == 1
    assert findings() == []
    return horizons


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_session_that_hides_its_activity_holds_the_horizon(write, small_blocks):
    """Nobody knows when its transaction began."""
    before, meanwhile = horizons_around(another_session(write_slowly, setup="SET track_activities = off"), write)

    assert before == meanwhile


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_writer_of_another_role_holds_the_horizon(write, small_blocks, role_of_the_application):
    """When its transaction began is hidden from the role of the application, which needs no right to see it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role_of_the_application}")

    before, meanwhile = horizons_around(another_session(write_slowly), write)

    assert before == meanwhile


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_writer_of_the_same_role_is_seen_without_any_more_rights(write, small_blocks, role_of_the_application):
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role_of_the_application}")

    before, meanwhile = horizons_around(another_session(write_slowly, role=role_of_the_application), write)

    assert before < meanwhile


@pytest.fixture
def role_of_the_application(transactional_db) -> Iterator[str]:
    # Roles are the server's, on which other processes run tests as well.
    name = f"qhse_app_of_a_sealer_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        # The same password as the owner of the test database, by which another session logs in as this role.
        cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{connection.settings_dict['PASSWORD'] or 'unused'}'")
    grant_application_role(name)
    yield name
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_returns_at_once(write):
    SealingTurn.objects.get_or_create()
    write()

    with another_session(seal_new_entries):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '5s'")
                second: object = seal_new_entries()
        except DatabaseError as error:  # it waited for the first
            second = error

    assert second == sealing.Sealing(complete=False, had_no_turn=True)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_writers_and_four_sealers_make_one_chain(write, small_blocks):
    """Here 8 × 60 entries; `make bench` does it with 8 × 1,000 and measures the writers."""
    writing = threading.Event()
    writing.set()
    failures = []

    def in_thread(work):
        def run():
            try:
                work()
            except Exception as error:
                failures.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write_many():
        for _ in range(60):
            write()

    def seal_many():
        while writing.is_set():
            seal_new_entries()

    sealers = [in_thread(seal_many) for _ in range(4)]
    for writer in [in_thread(write_many) for _ in range(8)]:
        writer.join(60)
    writing.clear()
    for sealer in sealers:
        sealer.join(60)
    while seal_new_entries().sealed:
        pass

    assert failures == []
    assert AuditEntry.objects.count() == SealedEntry.objects.count() == 480
    assert findings() == []


def scanned(plan: dict[str, Any]) -> float:
    """Return how many rows of tables a plan has read."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return own * plan["Actual Loops"] + sum(scanned(part) for part in plan.get("Plans", []))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_pass_reads_what_is_new_and_not_the_trail_whatever_plans_a_workers_session_has(write, monkeypatch):
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))
    sealer, read = sealing.Sealer(), []
    write(3_000)
    while not sealer().complete:
        pass
    write()
    sealer()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditentry, audit_sealedentry")
        for setting, value in BY_INDEXES.items():
            cursor.execute(f"SET {setting} = {value}")

    def explain(execute, sql, params, many, context):
        if "NOT EXISTS" in sql and "created_at" in sql:
            execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params, many, context)
            (plan,) = context["cursor"].fetchone()
            read.append(scanned((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(explain):
            write(3)
            assert sealer().sealed == 3
    finally:
        with connection.cursor() as cursor:
            for setting in BY_INDEXES:
                cursor.execute(f"RESET {setting}")

    assert read and max(read) < 300
