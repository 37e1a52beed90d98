"""When a failed event returns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.engine.retry import ERROR_LIMIT, RetryPolicy, describe_error
from qhse.uuid7 import uuid7

POLICY = RetryPolicy(max_attempts=10, base_seconds=2.0, cap_seconds=3600.0)


@pytest.mark.parametrize(("attempts", "ceiling"), [(1, 2), (2, 4), (3, 8), (11, 2048), (12, 3600), (10**6, 3600)])
def test_the_wait_doubles_up_to_its_cap(attempts, ceiling):
    assert POLICY.delay_seconds(attempts, jitter=1.0) == ceiling


@given(st.integers(0, 10**6))
def test_the_wait_is_random_between_nothing_and_its_ceiling(attempts):
    assert 0 <= POLICY.delay_seconds(attempts) <= POLICY.ceiling_seconds(attempts) <= POLICY.cap_seconds


def test_events_that_failed_together_do_not_return_together():
    waits = [POLICY.delay_seconds(8) for _ in range(1000)]

    in_each_quarter = [sum(1 for wait in waits if quarter * 64 <= wait < (quarter + 1) * 64) for quarter in range(4)]
    assert min(in_each_quarter) > 150


@pytest.mark.parametrize(("attempts", "exhausted"), [(1, False), (9, False), (10, True), (11, True)])
def test_the_attempts_are_used_up_at_their_maximum(attempts, exhausted):
    assert POLICY.is_exhausted(attempts) is exhausted


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_every_error_can_be_stored(text):
    described = describe_error(RuntimeError(text))

    described.encode("utf-8")
    assert "\x00" not in described
    assert len(described) <= ERROR_LIMIT


def test_an_error_that_cannot_say_what_it_is_can_be_stored():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    assert describe_error(Mute()).startswith("Mute (its text cannot be read)")


def test_event_ids_are_version_7_and_in_order_of_time():
    ids = [uuid7() for _ in range(1000)]

    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == 1000
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
