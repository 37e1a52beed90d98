"""What operators see above the list of events. They see how much, how old, how fast, and what is dead and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from outbox.choices import EventStatus, OutgoingState
from outbox.jobs import leave_sign_of_life
from outbox.models import OutboxEvent, Outgoing, WorkerSeen
from outbox.selectors import LATE_SECONDS

pytestmark = pytest.mark.django_db

PAGE = "/admin/outbox/outboxevent/"
Publish = Callable[..., OutboxEvent]


@pytest.fixture
def operator(users: dict[str, Any]) -> Client:
    client = Client()
    client.force_login(users["admin"])
    return client


@pytest.fixture
def dead(publish_reading: Publish) -> list[OutboxEvent]:
    events = [publish_reading(gauge) for gauge in range(3)]
    for number, event in enumerate(events):
        kill(event, f"[test.failing] KeyError: 'lot {number}'\n\nTraceback (most recent call last):\n  line 7")
    return events


def kill(event: OutboxEvent, error: str) -> None:
    OutboxEvent.objects.filter(pk=event.pk).update(status=EventStatus.DEAD, attempts=10, last_error=error)


def tiles_of(page: Any) -> dict[str, str]:
    """Return text → figure."""
    found = re.findall(r'class="tile[^"]*"[^>]*><b>([^<]*)</b> ([^<]*)<', page.content.decode())
    return {text: figure for figure, text in found}


def words(page: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_the_tiles_count_the_pending_the_due_the_waiting_and_the_dead(
    operator: Client, publish_reading: Publish, dead: list[OutboxEvent]
) -> None:
    publish_reading(7)
    waiting = publish_reading(8)
    OutboxEvent.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))

    tiles = tiles_of(operator.get(PAGE))

    assert tiles["events pending"] == "2"
    assert tiles["due now"] == "1"
    assert tiles["waiting for their next attempt"] == "1"
    assert tiles["dead"] == "3"


def test_an_empty_outbox_has_calm_tiles_and_no_table(operator: Client) -> None:
    leave_sign_of_life()

    page = operator.get(PAGE)

    assert tiles_of(page) == {
        "events pending": "0",
        "due now": "0",
        "waiting for their next attempt": "0",
        "dead": "0",
        "age of the oldest pending event": "–",
        "longest time that an event has been due": "–",
        "processed; over 5 minutes 0, over 60 minutes 0": "0 / min",
        "workers live; the last sign of one: 0 s ago": "1",
    }
    assert not re.search("tile-(warn|bad)", page.content.decode())
    assert 'id="dead"' not in page.content.decode()


def test_every_figure_with_a_link_leads_to_a_list_of_as_many_events(
    operator: Client, publish_reading: Publish, dead: list[OutboxEvent]
) -> None:
    publish_reading(7)

    tiles = re.findall(r'<a class="tile[^"]*" href="([^"]+)"><b>(\d+)</b>', operator.get(PAGE).content.decode())

    assert len(tiles) == 2
    for url, number in tiles:
        assert operator.get(url.replace("&amp;", "&")).context["cl"].result_count == int(number), url


def test_a_lag_of_the_workers_and_unknown_types_are_warnings(operator: Client, publish_reading: Publish) -> None:
    leave_sign_of_life()
    late = publish_reading()
    OutboxEvent.objects.filter(pk=late.pk).update(
        event_type="TEST_FROM_THE_FUTURE",
        **dict.fromkeys(("created_at", "next_attempt_at"), timezone.now() - timedelta(seconds=3 * LATE_SECONDS)),
    )

    page = operator.get(PAGE)

    assert tiles_of(page)["longest time that an event has been due"] == "3 min"
    assert tiles_of(page)["of a type that this code does not know"] == "1"
    assert page.content.decode().count("tile-warn") == 2


def test_the_speed_is_what_was_processed_in_the_last_minute(operator: Client, publish_reading: Publish) -> None:
    for gauge in range(12):
        publish_reading(gauge)
    OutboxEvent.objects.update(status=EventStatus.PROCESSED, processed_at=timezone.now())

    tiles = tiles_of(operator.get(PAGE))

    assert tiles["processed; over 5 minutes 2.4, over 60 minutes 0.2"] == "12 / min"


def test_dead_events_stand_by_type_with_the_newest_error_and_lead_to_where_they_are_requeued(
    operator: Client, dead: list[OutboxEvent]
) -> None:
    page = operator.get(PAGE)

    assert "Test gauge calibrated 3 [test.failing] KeyError: &#x27;lot 2&#x27; Show and decide" in words(page)
    assert "Traceback" not in words(page)
    (url,) = re.findall(r'<a href="([^"]+)">Show and decide</a>', page.content.decode())
    listed = operator.get(url.replace("&amp;", "&"))
    assert listed.context["cl"].result_count == 3
    assert "Requeue selected dead events" in words(listed)
    assert f"/admin/outbox/outboxevent/{dead[2].pk}/change/" in page.content.decode()


def test_an_error_is_text_and_never_markup(operator: Client, publish_reading: Publish) -> None:
    kill(publish_reading(), "<script>alert('gauge')</script>" * 20)

    page = operator.get(PAGE).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("query", ["?status__exact=DONE", "?q=nothing", "?p=7", "?status__exact=rubbish"])
def test_it_stands_above_every_selection_of_the_list(operator: Client, dead: list[OutboxEvent], query: str) -> None:
    page = operator.get(PAGE + query, follow=True)

    assert tiles_of(page)["dead"] == "3"


def test_it_does_not_stand_on_the_page_that_asks_for_a_reason(operator: Client, dead: list[OutboxEvent]) -> None:
    page = operator.post(PAGE, {"action": "requeue_selected", "_selected_action": [dead[0].pk]})

    assert "Why" in words(page) or "Reason" in words(page)
    assert tiles_of(page) == {}


@pytest.mark.parametrize("role", ["quality", "procurement", "auditor"])
def test_other_roles_see_nothing_of_it(users: dict[str, Any], dead: list[OutboxEvent], role: str) -> None:
    client = Client()
    client.force_login(users[role])

    page = client.get(PAGE)

    assert page.status_code == 403
    assert "TEST_GAUGE_CALIBRATED" not in page.content.decode()


def test_it_costs_no_query_per_event(operator: Client, publish_reading: Publish) -> None:
    costs = []
    operator.get(PAGE)  # the first use of a session is noted
    for number in (1, 20):
        for gauge in range(number):
            kill(publish_reading(gauge), "KeyError")
            publish_reading(gauge)
        with CaptureQueriesContext(connection) as queries:
            operator.get(PAGE)
        costs.append(len(queries))

    assert costs[0] == costs[1]


def lose_the_workers(seconds: float) -> None:
    leave_sign_of_life()
    WorkerSeen.objects.update(seen_at=timezone.now() - timedelta(seconds=seconds))


PAGES = ("/admin/", "/admin/suppliers/supplier/", "/admin/ncs/nonconformity/", "/admin/password_change/")


@pytest.mark.parametrize("page", (*PAGES, PAGE))
def test_operators_read_on_every_page_that_no_worker_lives(operator: Client, page: str) -> None:
    assert "No outbox worker is running: one has never been seen." in words(operator.get(page))
    lose_the_workers(82)
    assert "No outbox worker is running: one was last seen 82 s ago." in words(operator.get(page))
    leave_sign_of_life()
    assert 'class="banner"' not in operator.get(page).content.decode()


@pytest.mark.parametrize("role", ["quality", "procurement", "auditor"])
def test_others_read_what_it_means_for_them(users: dict[str, Any], role: str) -> None:
    client = Client()
    client.force_login(users[role])
    lose_the_workers(82)

    for page in PAGES[:3]:
        shown = words(client.get(page))
        assert "What follows from a change, such as the new risk level of a supplier, is not done now." in shown
        assert "worker" not in shown


def test_operators_read_where_one_of_several_workers_is_lost_and_others_need_not(users: dict[str, Any]) -> None:
    now = timezone.now()
    for worker, ago in (("db1-7-aa", 1), ("db2-7-bb", 182)):
        WorkerSeen.objects.create(
            worker=worker, seen_at=now - timedelta(seconds=ago), started_at=now - timedelta(hours=1)
        )
    for role in ("admin", "quality", "procurement"):
        client = Client()
        client.force_login(users[role])

        shown = words(client.get("/admin/suppliers/supplier/"))

        said = "1 of 2 outbox workers: no sign of life (db2, process 7, last seen 3 min ago). The others do the work."
        assert (said in shown) == (role == "admin")


def test_who_is_not_logged_in_reads_nothing_of_it(client: Client) -> None:
    assert 'class="banner"' not in client.get("/admin/login/").content.decode()


def test_the_first_page_says_how_far_behind_living_workers_are(users: dict[str, Any], publish_reading: Publish) -> None:
    client = Client()
    client.force_login(users["quality"])
    leave_sign_of_life()
    late = publish_reading()
    assert 'class="banner"' not in client.get("/admin/").content.decode()

    OutboxEvent.objects.filter(pk=late.pk).update(
        **dict.fromkeys(("created_at", "next_attempt_at"), timezone.now() - timedelta(seconds=3 * LATE_SECONDS))
    )

    assert "What follows from changes is about 3 min behind." in words(client.get("/admin/"))


class TestWhatLeaves:
    """Tiles that are there only where something leaves, or did."""

    def test_nothing_is_said_where_nothing_leaves(self, operator: Client) -> None:
        assert "relays connected" not in tiles_of(operator.get(PAGE))

    def test_what_waits_and_what_was_put_aside_are_counted(self, operator: Client, publish_reading: Publish) -> None:
        for number, state in enumerate((OutgoingState.FRESH, OutgoingState.FRESH, OutgoingState.ASIDE)):
            event = publish_reading(number)
            Outgoing.objects.create(channel="broker", lane=0, key=number, event=event.pk, state=state)
        OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=3))

        tiles = tiles_of(operator.get(PAGE))

        assert tiles["messages to other systems wait, the oldest for 3 min"] == "2"
        assert tiles["messages are put aside, and wait for an operator"] == "1"
        assert tiles["relays connected"] == "0"
