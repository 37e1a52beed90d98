"""What a handler leaves in its session is looked at, counted or taken away before the next batch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.engine.retry import RetryPolicy
from outbox.guards.session import settle_session
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.registry import handles
from outbox.tests.gauges import GaugeCalibrated, leave_effect, status_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


LEAKS = {
    "a statement timeout": "SET statement_timeout = '1ms'",
    "a search path": "SET search_path = pg_catalog",
    "a role": "SET ROLE pg_read_all_stats",
    "a session's advisory lock": "SELECT pg_advisory_lock(4711)",
    "a setting by function": "SELECT set_config('work_mem', '64kB', false)",
    "a cursor": "DECLARE leaked CURSOR WITH HOLD FOR SELECT 1",
    "a temporary table": "CREATE TEMP TABLE leaked (id int)",
    "a listener": "LISTEN leaked",
    "a read-only session": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}


def session_state() -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('search_path'), current_user::text,"
            " current_setting('work_mem'), current_setting('default_transaction_read_only'),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),"
            " (SELECT count(*) FROM pg_cursors WHERE name <> ''), (SELECT count(*) FROM pg_listening_channels()),"
            " to_regclass('pg_temp.leaked') IS NULL"
        )
        return cursor.fetchone()


@pytest.mark.parametrize("statement", LEAKS.values(), ids=LEAKS.keys())
def test_what_a_handler_leaves_in_its_session_does_not_reach_the_next_event(publish_reading, policy, statement):
    clean = session_state()
    seen = []

    def leak_or_look(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        else:
            seen.append(session_state())

    handles(GaugeCalibrated, name="test.leak")(leak_or_look)
    publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    while Dispatcher(policy=policy).dispatch(1).moved:
        pass

    assert seen[-1] == clean
    assert session_state() == clean
    assert OutboxEvent.objects.filter(status=EventStatus.PROCESSED).count() == 2
    assert ProcessedEvent.objects.count() == 2


def test_a_session_that_was_reset_still_reads_times_as_utc(publish_reading, policy):
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    connection.close()
    seen = []

    def leak_or_look(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET work_mem = '64kB'")
        seen.append(delivery.event_id)
        assert OutboxEvent.objects.get(event_id=delivery.event_id).created_at > timezone.now() - timedelta(hours=1)
        assert OutboxEvent.objects.get(event_id=delivery.event_id).created_at < timezone.now() + timedelta(hours=1)

    handles(GaugeCalibrated, name="test.leak")(leak_or_look)
    try:
        for reading in (1, 2, 3):
            publish_reading(gauge_id=reading, reading=reading)
            Dispatcher(policy=policy).dispatch(10)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET timezone")
        connection.close()

    assert OutboxEvent.objects.filter(status=EventStatus.PROCESSED).count() == 3


def test_a_session_that_was_reset_is_as_it_began_whatever_the_server_says(transactional_db):
    name = connection.ops.quote_name(connection.settings_dict["NAME"])

    def settings() -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser')")
            return dict(cursor.fetchall())

    with connection.cursor() as cursor:
        for setting, value in {
            "default_transaction_isolation": "serializable",
            "jit": "on",
            "lock_timeout": "1",
        }.items():
            cursor.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    try:
        connection.close()
        began = settings()
        with connection.cursor() as cursor:
            cursor.execute("SET jit = on; SET lock_timeout = 7; SET work_mem = '64kB'")
        settle_session()

        assert settings() == began
        assert (began["jit"], began["default_transaction_isolation"]) == ("off", "read committed")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET ALL")
        connection.close()


@pytest.mark.parametrize("limit", [10, 1], ids=["in a batch", "alone"])
def test_a_violated_deferred_constraint_is_counted_for_its_event_and_for_no_other(publish_reading, effects, limit):
    """Django declares foreign keys as deferred, so the server would find them in the COMMIT of the whole batch."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE part (id int PRIMARY KEY)")
        cursor.execute("CREATE TABLE hole (part int REFERENCES part DEFERRABLE INITIALLY DEFERRED)")

    def refer_to_nothing(delivery):
        leave_effect(delivery)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO hole VALUES (%s)", [delivery.event.reading])
            if delivery.event.reading != 4:
                cursor.execute("INSERT INTO part VALUES (%s)", [delivery.event.reading])

    handles(GaugeCalibrated, name="test.reference")(refer_to_nothing)
    events = [publish_reading(gauge_id=reading, reading=reading) for reading in range(6)]

    patient = RetryPolicy(max_attempts=3, base_seconds=3_600.0, cap_seconds=3_600.0)  # no retry comes by chance

    try:
        while Dispatcher(policy=patient).dispatch(limit).moved:
            pass
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE hole, part")

    assert [status_of(event) for event in events] == [
        (EventStatus.PENDING, 1) if reading == 4 else (EventStatus.PROCESSED, 0) for reading in range(6)
    ]
    assert "hole_part_fkey" in OutboxEvent.objects.get(pk=events[4].pk).last_error
    assert [reading for _, reading in effects()] == [0, 1, 2, 3, 5]


def test_a_handler_that_makes_its_transaction_read_only_is_counted_and_holds_up_nobody(
    publish_reading, policy, effects
):
    def write_after_all(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        leave_effect(delivery)

    handles(GaugeCalibrated, name="test.read_only")(write_after_all)
    event = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    while Dispatcher(policy=policy).dispatch(10).moved:
        pass

    assert status_of(event)[1] >= 1
    assert effects() == [("2", 2)]


def test_a_session_lock_of_a_handler_that_fails_is_let_go(publish_reading, policy):
    def lock_and_fail(delivery):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(4711)")
        raise RuntimeError("with the lock in its hands")

    handles(GaugeCalibrated, name="test.leak")(lock_and_fail)
    event = publish_reading(gauge_id=1, reading=1)
    clean = session_state()

    Dispatcher(policy=policy).dispatch(10)

    assert status_of(event) == (EventStatus.PENDING, 1)
    assert session_state() == clean


def test_the_role_that_django_assumes_is_the_role_of_every_batch(publish_reading, policy, monkeypatch):
    roles = []

    @handles(GaugeCalibrated, name="test.role")
    def who(delivery):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text")
            roles.append(cursor.fetchone()[0])

    owner = connection.settings_dict["USER"]
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE qhse_assumed")
        cursor.execute(f"GRANT {owner} TO qhse_assumed")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "assume_role", "qhse_assumed")
    connection.close()
    try:
        for _ in range(2):
            publish_reading()
            Dispatcher(policy=policy).dispatch(10)
    finally:
        monkeypatch.undo()
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE qhse_assumed")

    assert roles == ["qhse_assumed", "qhse_assumed"]
