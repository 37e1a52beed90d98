"""The time and the lock that all processes share."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from qhse.database import database_time, try_lock

KEY = 4711


def test_the_time_is_aware_and_does_not_go_back(db):
    first, second = database_time(), database_time()

    assert first <= second
    assert abs(timezone.now() - second) < timedelta(minutes=5)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_lock_is_one_sessions_until_its_transaction_ends():
    taken: list[bool] = []

    def try_in_another_session(key: int) -> bool:
        def run() -> None:
            with transaction.atomic():
                taken.append(try_lock(key))
            connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(30)
        return taken[-1]

    with transaction.atomic():
        assert try_lock(KEY)
        assert not try_in_another_session(KEY)
        assert try_in_another_session(KEY + 1)

    assert try_in_another_session(KEY)
