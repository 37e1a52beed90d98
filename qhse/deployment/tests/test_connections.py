"""Bounds of a process's connections."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from qhse.deployment import connections as module
from qhse.deployment.connections import bound_connections


class Wrapper(SimpleNamespace):
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def wrapper(monkeypatch):
    """A connection that is configured and not opened."""
    options = {"application_name": "qhse"}
    one = Wrapper(vendor="postgresql", in_atomic_block=False, settings_dict={"OPTIONS": options})
    monkeypatch.setattr(module, "connections", SimpleNamespace(all=lambda: [one]))
    return one


def bound(wrapper, **options):
    bound_connections(statement=10, lock=0.5, idle_in_transaction=15, name="qhse-api", **options)
    return wrapper.settings_dict["OPTIONS"]


def test_each_bound_travels_with_the_start_of_the_connection_in_milliseconds(wrapper):
    assert bound(wrapper)["options"] == (
        "-c statement_timeout=10000 -c lock_timeout=500 -c idle_in_transaction_session_timeout=15000"
    )
    assert wrapper.closed == 1


def test_what_the_operator_gave_stands_last_and_so_wins(wrapper):
    wrapper.settings_dict["OPTIONS"]["options"] = "-c lock_timeout=60000"

    assert bound(wrapper)["options"].endswith("-c lock_timeout=60000")


def test_the_name_is_the_processes_unless_the_operator_gave_one(wrapper):
    assert bound(wrapper)["application_name"] == "qhse-api"

    wrapper.settings_dict["OPTIONS"]["application_name"] = "reports"
    assert bound(wrapper)["application_name"] == "reports"


def test_values_beside_statements_are_for_who_asks_for_them(wrapper):
    assert "server_side_binding" not in bound(wrapper)
    assert bound(wrapper, prepared=True)["server_side_binding"] is True


@pytest.mark.parametrize("changes", [{"vendor": "sqlite"}, {"in_atomic_block": True}])
def test_sqlite_and_a_running_transaction_are_left_alone(wrapper, changes):
    vars(wrapper).update(changes)

    assert bound(wrapper) == {"application_name": "qhse"}
    assert wrapper.closed == 0


@pytest.mark.postgres
def test_a_server_takes_them(db):
    from django.db import connection

    copy = connection.copy()
    try:
        bound_options = "-c statement_timeout=1234 -c lock_timeout=567"
        copy.settings_dict["OPTIONS"] = copy.settings_dict["OPTIONS"] | {"options": bound_options}
        with copy.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            assert cursor.fetchone() == ("1234ms", "567ms")
    finally:
        copy.close()
