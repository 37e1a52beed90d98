"""Lanes are shared evenly, and each is held by one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection

from dev.waiting import wait_until
from outbox.leaving import LOCKS, PRESENCE, leaving_status
from outbox.outgoing import LANES
from outbox.relay import lanes as module
from outbox.relay.lanes import Lanes

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

Other = Callable[[], psycopg.Connection]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """A session of another relay, which has said that it is there."""
    connection.ensure_connection()
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as line:
        line.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCKS, PRESENCE])
        yield line


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    yield Lanes()
    connection.close()


def held_by_us() -> set[int]:
    return set(Lanes()._holders()[1])


def test_a_relay_alone_holds_them_all(lanes):
    lanes.look()
    assert lanes.held == set(range(LANES)) == held_by_us()


def test_whoever_asks_the_database_sees_how_many_are_connected(lanes, other):
    lanes.look()
    assert leaving_status().relays == 2

    other.execute("SELECT pg_advisory_unlock_all()")
    assert leaving_status().relays == 1


def test_two_hold_half_each(lanes, other):
    lanes.look()
    assert len(lanes.held) == LANES // 2


def test_one_gives_half_back_to_a_second_that_comes(lanes, other):
    other.execute("SELECT pg_advisory_unlock_all()")
    lanes.look()
    other.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCKS, PRESENCE])
    lanes.look()
    assert len(lanes.held) == LANES // 2 and held_by_us() == lanes.held


def test_a_lane_with_a_call_in_flight_is_given_to_nobody(lanes, other):
    other.execute("SELECT pg_advisory_unlock_all()")
    lanes.look()
    other.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCKS, PRESENCE])
    lanes.look(busy=range(LANES))
    assert len(lanes.held) == LANES


def test_a_lane_of_another_is_not_taken(lanes, other):
    for lane in range(LANES):
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCKS, lane])
    lanes.look()
    assert not lanes.held


def test_those_of_a_relay_that_is_gone_are_taken_over_and_made_ready(other):
    taken: list[frozenset[int]] = []
    lanes = Lanes(when_taken=taken.append)
    for lane in range(4):
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCKS, lane])
    lanes.look()
    other.close()

    def holds_all() -> bool:
        lanes.look()
        return lanes.held == set(range(LANES))

    wait_until(holds_all, seconds=10, what="the lanes of the session that ended")
    assert taken == [frozenset({4, 5, 6, 7}), frozenset({0, 1, 2, 3})]
    connection.close()


def test_nothing_is_held_after_the_session_was_ended(lanes, other):
    lanes.look()
    other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    with pytest.raises(Exception, match=r"terminating|closed"):
        lanes.look()
    connection.close()
    lanes.look()
    assert len(lanes.held) == LANES // 2  # of the new session
