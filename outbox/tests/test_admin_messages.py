"""What has to leave, in the admin: people see what waits and why, and decide about what was put aside."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from outbox.choices import OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER, enqueue
from outbox.tests.test_admin_page import Publish

pytestmark = pytest.mark.django_db

LIST = "/admin/outbox/outgoing/"


@pytest.fixture
def operator(users: dict[str, Any]) -> Client:
    client = Client()
    client.force_login(users["admin"])
    return client


@pytest.fixture
def messages(publish_reading: Publish) -> list[Outgoing]:
    """Two messages that were put aside, and one that is due."""
    for position in range(3):
        publish_reading(position)
    enqueue(BROKER, list(OutboxEvent.objects.order_by("pk")))
    rows = list(Outgoing.objects.order_by("pk"))
    for row in rows[:2]:
        row.state, row.attempts, row.last_error = OutgoingState.ASIDE, 5, "no queue takes <b>it</b>\nfrom x"
        row.save()
    return rows


def decide(client: Client, action: str, rows: list[Outgoing], reason: str = "A queue was bound") -> str:
    form = {"action": action, "_selected_action": [row.pk for row in rows]}
    asked = client.post(LIST, form)
    assert "reason" in asked.content.decode()
    versions = {"_version": [f"{row.pk}:{row.version}" for row in rows]}
    answer = client.post(LIST, {**form, **versions, "confirmed": "1", "reason": reason}, follow=True)
    return answer.content.decode()


def test_the_list_says_what_happened_to_what_where_it_goes_and_why_not_yet(operator, messages):
    page = operator.get(LIST).content.decode()

    assert page.count("Put aside") >= 2
    assert "no queue takes &lt;b&gt;it&lt;/b&gt;" in page
    assert "Broker" in page
    assert "from x" not in page


def test_a_message_leads_to_its_event_and_has_its_whole_error(operator, messages):
    page = operator.get(f"{LIST}{messages[0].pk}/change/").content.decode()

    assert f"/admin/outbox/outboxevent/{messages[0].event}/change/" in page
    assert "from x" in page
    assert 'name="reason"' not in page


def test_a_file_of_the_list_names_events_as_other_systems_know_them(operator, messages):
    content = b"".join(operator.get(f"{LIST}export/csv/")).decode("utf-8-sig")

    rows = csv.DictReader(io.StringIO(content), delimiter=";")
    events = {str(event.event_id): event.event_type for event in OutboxEvent.objects.all()}
    assert {row["event_id"]: row["event_type"] for row in rows} == events


def test_the_tile_of_what_was_put_aside_leads_to_as_many_messages(operator, messages):
    address = f"{LIST}?state__exact={OutgoingState.ASIDE}"

    assert address in operator.get("/admin/outbox/outboxevent/").content.decode()
    assert "2 outgoing messages" in operator.get(address).content.decode()


def test_what_was_put_aside_is_sent_again_with_a_reason_in_the_trail(operator, messages, users):
    page = decide(operator, "requeue_selected", messages[:2])

    assert "2 done" in page
    assert not Outgoing.objects.exclude(state=OutgoingState.FRESH, attempts=0).exists()
    entries = AuditEntry.objects.filter(action="MESSAGE_REQUEUED")
    assert [(each.actor_id, each.reason) for each in entries] == [(users["admin"].pk, "A queue was bound")] * 2
    assert entries[0].changes["last_error"] == [messages[0].last_error, ""]
    assert not Outgoing.objects.exclude(last_error="").exists()


def test_what_was_put_aside_is_dismissed_for_ever(operator, messages):
    page = decide(operator, "dismiss_selected", messages[:1])

    assert "1 done" in page
    assert list(Outgoing.objects.order_by("pk").values_list("pk", flat=True)) == [row.pk for row in messages[1:]]
    assert AuditEntry.objects.filter(action="MESSAGE_DISMISSED").count() == 1


@pytest.mark.parametrize("action", ["requeue_selected", "dismiss_selected"])
def test_what_waits_by_itself_is_decided_by_nobody(operator, messages, action):
    page = operator.post(LIST, {"action": action, "_selected_action": [messages[2].pk]}, follow=True).content.decode()

    assert "None of the selected messages is put aside." in page
    assert Outgoing.objects.count() == 3
    assert not AuditEntry.objects.filter(action__startswith="MESSAGE_").exists()


def test_what_somebody_else_decided_meanwhile_is_left_and_said(operator, messages):
    form = {"action": "requeue_selected", "_selected_action": [row.pk for row in messages[:2]]}
    Outgoing.objects.filter(pk=messages[0].pk).update(state=OutgoingState.FRESH, attempts=0)

    page = operator.post(LIST, {**form, "confirmed": "1", "reason": "Because"}, follow=True).content.decode()

    assert "is not put aside any more, and was left as it is" in page
    assert "1 done" in page
    assert AuditEntry.objects.filter(action="MESSAGE_REQUEUED").count() == 1


def test_what_was_put_aside_anew_for_another_cause_is_left_and_said(operator, messages):
    form = {"action": "dismiss_selected", "_selected_action": [messages[0].pk], "confirmed": "1", "reason": "Old"}
    form["_version"] = f"{messages[0].pk}:{messages[0].version}"
    Outgoing.objects.filter(pk=messages[0].pk).update(last_error="too large")

    page = operator.post(LIST, form, follow=True).content.decode()

    assert "was changed meanwhile" in page
    assert Outgoing.objects.filter(pk=messages[0].pk).exists()


def test_a_decision_about_many_asks_no_more_of_the_database_for_their_names(operator, publish_reading):
    def queries(number: int) -> int:
        Outgoing.objects.all().delete()
        OutboxEvent.objects.all().delete()
        for position in range(number):
            publish_reading(position)
        enqueue(BROKER, list(OutboxEvent.objects.order_by("pk")))
        Outgoing.objects.update(state=OutgoingState.ASIDE)
        form = {"action": "dismiss_selected", "_selected_action": list(Outgoing.objects.values_list("pk", flat=True))}
        with CaptureQueriesContext(connection) as captured:
            operator.post(LIST, form)
        return len(captured)

    queries(1)

    assert queries(30) == queries(2)


def test_a_message_whose_event_somebody_has_deleted_is_shown_and_dismissed(operator, messages):
    OutboxEvent.objects.filter(pk=messages[0].event).delete()

    assert operator.get(LIST).status_code == operator.get(f"{LIST}{messages[0].pk}/change/").status_code == 200
    assert "1 done" in decide(operator, "dismiss_selected", messages[:1])
    assert not Outgoing.objects.filter(pk=messages[0].pk).exists()


@pytest.mark.parametrize("role", ["quality", "procurement", "auditor"])
def test_other_roles_see_nothing_of_it(users, messages, role):
    client = Client()
    client.force_login(users[role])

    assert client.get(LIST).status_code == 403
    assert "outbox/outgoing" not in client.get("/admin/").content.decode()
