"""What a role was not allowed leaves an audit entry."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F

from audit.models import AuditEntry
from qhse.api.jobs import record_repeated_refusals
from qhse.api.models import RefusalCounter

pytestmark = pytest.mark.django_db

AWAY = "198.51.100.9"


class TestTheTrail:
    def test_has_what_a_role_was_not_allowed(self, users, api):
        api("quality").post("/suppliers", {"name": "Hansa Forge GmbH"}, REMOTE_ADDR=AWAY)

        entries = list(AuditEntry.objects.filter(action="ACCESS_DENIED"))
        assert len(entries) == 1
        entry = entries[0]
        assert (entry.actor, entry.actor_role, entry.entity_type, entry.entity_id) == (
            "quality", "quality", "route", "/suppliers",
        )  # fmt: skip
        assert (entry.reason, entry.client_address) == ("POST /suppliers", AWAY)

    def test_has_nothing_of_requests_without_a_token(self, anonymous, db):
        anonymous.get("/suppliers")

        assert not AuditEntry.objects.exists()


def refused() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="ACCESS_DENIED").order_by("pk"))


def a_minute_later() -> None:
    RefusalCounter.objects.update(recorded_at=F("recorded_at") - timedelta(seconds=61))


class TestRepetitions:
    def test_one_user_who_asks_again_and_again_leaves_one_entry_a_minute_and_route(self, api):
        client = api("quality")
        for name in range(20):
            client.post("/suppliers", {"name": f"Hansa Forge {name} GmbH"})
        client.get("/audit-log")
        api("procurement").get("/audit-log")

        assert [(entry.actor, entry.entity_id, entry.changes) for entry in refused()] == [
            ("quality", "/suppliers", {}), ("quality", "/audit-log", {}), ("procurement", "/audit-log", {}),
        ]  # fmt: skip

    def test_the_next_entry_says_how_many_there_were_in_between(self, api):
        client = api("quality")
        for _ in range(4):
            client.get("/audit-log")
        a_minute_later()
        client.get("/audit-log")

        assert [entry.changes for entry in refused()] == [{}, {"refused_in_between": [None, 3]}]

    def test_if_there_is_no_next_one_a_worker_says_it(self, api):
        for _ in range(4):
            api("quality").get("/audit-log")
        api("procurement").get("/audit-log")
        record_repeated_refusals()
        assert len(refused()) == 2  # the minute is not over

        a_minute_later()
        record_repeated_refusals()

        assert [(entry.actor, entry.entity_id, entry.changes) for entry in refused()[2:]] == [
            ("quality", "/audit-log", {"refused_in_between": [None, 3]})
        ]
        assert not RefusalCounter.objects.exists()

    def test_are_told_after_a_clock_that_was_ahead(self, api):
        for _ in range(3):
            api("quality").get("/audit-log")
        api("procurement").get("/audit-log")
        RefusalCounter.objects.update(recorded_at=F("recorded_at") + timedelta(days=1))

        api("quality").get("/audit-log")
        assert refused()[-1].changes == {"refused_in_between": [None, 2]}

        record_repeated_refusals()
        assert not RefusalCounter.objects.filter(user__username="procurement").exists()

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_none_is_lost_and_none_counted_twice_however_many_ask_at_once(self, api):
        clients = [api("quality") for _ in range(6)]
        rounds = 8
        barrier = threading.Barrier(len(clients), action=a_minute_later)

        def ask(client):
            try:
                for _ in range(rounds):
                    barrier.wait(30)
                    for _ in range(3):
                        assert client.get("/audit-log").status_code == 403
            finally:
                connections.close_all()

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        a_minute_later()
        record_repeated_refusals()

        of_each_round, last = refused()[:-1], refused()[-1]
        between = [entry.changes["refused_in_between"][1] for entry in of_each_round[1:]]
        assert len(of_each_round) == rounds
        assert sum(between) + last.changes["refused_in_between"][1] + rounds == rounds * 3 * len(clients)
