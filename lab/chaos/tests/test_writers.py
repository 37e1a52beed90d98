from __future__ import annotations

import random
import threading

import pytest
from django.db import connection

from lab.chaos.instruments.ledger import Told, read
from lab.chaos.instruments.writers import Writer
from lab.gauge import GaugeRead
from outbox.events import event_types
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user


class Stubborn(random.Random):
    """Chance that always chooses the first."""

    def choices(self, population, *arguments, **options):
        return [population[0]]


@pytest.mark.django_db(transaction=True)
def test_each_kind_of_write_is_made_whatever_chance_says(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_commit", connection._commit)  # the writer wraps it
    monkeypatch.setitem(event_types, GaugeRead.event_type, GaugeRead)  # for this test alone
    for name in ("quality", "procurement"):
        create_user(username=name, password=None, role=Role(name), actor=None)
    path = tmp_path / "w.ledger"

    Writer("w", path, chance=Stubborn()).write_until(threading.Event(), most=6)

    account = read([path])
    assert {kind for kind, _ in account.told} == {"supplier", "certification", "nc", "close", "reading"}
    assert set(account.told.values()) == {Told.ACKNOWLEDGED}
