"""Which errors speak of the database and not of the event."""

from __future__ import annotations

import psycopg
import pytest
from django.db import IntegrityError

from outbox.engine.failures import has_ended_the_connection, is_of_the_database


def wrapped(error: Exception) -> Exception:
    try:
        raise RuntimeError("could not write") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error", [psycopg.errors.DiskFull(), psycopg.errors.TooManyConnections(), psycopg.errors.AdminShutdown()]
)
def test_a_full_or_closing_database_is_known_also_behind_another_error(error):
    assert is_of_the_database(error)
    assert is_of_the_database(wrapped(error))


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected(), IntegrityError(), ValueError()])
def test_a_handlers_own_errors_are_the_events(error):
    assert not is_of_the_database(error)


def test_only_the_end_of_a_connection_makes_it_useless():
    assert has_ended_the_connection(wrapped(psycopg.errors.AdminShutdown()))
    assert not has_ended_the_connection(psycopg.errors.DiskFull())
