"""Operators see at `/outbox/events` what is stuck and why. They can put it back or dismiss it there."""

from __future__ import annotations

import uuid

import pytest

from audit.models import AuditEntry
from outbox.choices import EventStatus
from outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db

FIELDS = {
    "event_id",
    "event_type",
    "schema_version",
    "aggregate_type",
    "aggregate_id",
    "payload",
    "headers",
    "status",
    "attempts",
    "next_attempt_at",
    "last_error",
    "occurred_at",
    "created_at",
    "processed_at",
    "dismissed_at",
}


@pytest.fixture
def client(api):
    return api("admin")


@pytest.fixture
def dead(publish_reading) -> OutboxEvent:
    event = publish_reading(gauge_id=7, reading=3)
    OutboxEvent.objects.filter(pk=event.pk).update(
        status=EventStatus.DEAD, attempts=10, last_error="GaugeError: no such gauge"
    )
    return OutboxEvent.objects.get(pk=event.pk)


class TestList:
    def test_newest_first_with_everything_an_operator_asks(self, client, publish_reading, dead):
        newer = publish_reading(gauge_id=8)

        page = client.get("/outbox/events").json()

        assert [row["event_id"] for row in page["results"]] == [str(newer.event_id), str(dead.event_id)]
        assert all(set(row) == FIELDS for row in page["results"])
        row = page["results"][1]
        assert (row["status"], row["attempts"], row["last_error"]) == ("FAILED", 10, "GaugeError: no such gauge")
        assert row["payload"] == {"gauge_id": 7, "reading": 3}
        assert (row["aggregate_type"], row["aggregate_id"]) == ("gauge", "7")

    @pytest.mark.parametrize(
        ("name", "value", "count"),
        [
            ("status", "PENDING", 2),
            ("status", "FAILED", 1),
            ("status", "DONE", 0),
            ("status", "DISMISSED", 0),
            ("event_type", "TEST_GAUGE_CALIBRATED", 3),
            ("event_type", "test_gauge_calibrated", 0),
            ("aggregate_type", "gauge", 3),
            ("aggregate_type", "supplier", 0),
            ("aggregate_id", "8", 2),
            ("aggregate_id", "08", 0),
        ],
    )
    def test_each_filter_matches_exactly(self, client, publish_reading, dead, name, value, count):
        publish_reading(gauge_id=8, reading=1)
        publish_reading(gauge_id=8, reading=2)

        page = client.get("/outbox/events", {name: value}).json()

        assert page["count"] == len(page["results"]) == count

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("status", "pending"),
            ("status", "PROCESSED"),
            ("status", "DEAD"),
            ("status", ""),
            ("event_type", ""),
            ("event_type", "x" * 101),
            ("aggregate_type", "x" * 51),
            ("aggregate_id", "x" * 65),
            ("event_id", "x"),
            ("ordering", "id"),
        ],
    )
    def test_what_is_no_choice_is_400_and_not_an_empty_page(self, client, problem_of, name, value):
        problem = problem_of(client.get("/outbox/events", {name: value}), 400)

        assert [error["field"] for error in problem["errors"]] == [name]


class TestRetrieve:
    def test_shows_one_event_by_its_event_id(self, client, dead):
        response = client.get(f"/outbox/events/{dead.event_id}")

        assert set(response.json()) == FIELDS
        assert response.json()["event_id"] == str(dead.event_id)

    def test_an_unknown_one_is_404(self, client, problem_of):
        assert problem_of(client.get(f"/outbox/events/{uuid.uuid4()}"), 404)["code"] == "outbox_event_not_found"

    @pytest.mark.parametrize("odd", ["1", "not-a-uuid", "0" * 32, "0" * 36, "01980000-0000-7000-8000-00000000000A"])
    def test_what_is_no_event_id_is_404(self, client, problem_of, odd):
        problem_of(client.get(f"/outbox/events/{odd}"), 404)


class TestRequeue:
    def test_puts_a_dead_event_back_with_an_audit_entry(self, client, users, dead):
        response = client.post(f"/outbox/events/{dead.event_id}/requeue", {"reason": " Handler mended in 1.4.2 "})

        assert response.status_code == 200
        assert set(response.json()) == FIELDS
        assert (response.json()["status"], response.json()["attempts"]) == ("PENDING", 0)
        entry = AuditEntry.objects.get(action="OUTBOX_EVENT_REQUEUED")
        assert (entry.entity_type, entry.entity_id) == ("outbox_event", str(dead.event_id))
        assert (entry.actor, entry.source, entry.reason) == ("admin", "api", "Handler mended in 1.4.2")
        assert entry.changes == {"status": ["FAILED", "PENDING"], "attempts": [10, 0]}
        assert entry.request_id == response["X-Request-ID"]

    def test_the_worker_handles_it_then(self, client, dead, drain):
        client.post(f"/outbox/events/{dead.event_id}/requeue", {"reason": "Handler mended"})

        assert drain().processed == 1

        assert client.get(f"/outbox/events/{dead.event_id}").json()["status"] == "DONE"

    @pytest.mark.parametrize("status", ["PENDING", "DONE"])
    def test_one_that_is_not_dead_is_409_and_stays_as_it_is(self, client, dead, drain, problem_of, row_counts, status):
        client.post(f"/outbox/events/{dead.event_id}/requeue", {"reason": "Handler mended"})
        if status == "DONE":
            drain()
        before = row_counts()

        response = client.post(f"/outbox/events/{dead.event_id}/requeue", {"reason": "Once more"})

        problem = problem_of(response, 409)
        assert problem["code"] == "outbox_event_is_not_dead"
        assert status in problem["detail"]
        assert row_counts() == before

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " \n"}, {"reason": None}, {"reason": "x" * 2001}])
    def test_it_needs_a_reason(self, client, dead, problem_of, row_counts, body):
        before = row_counts()

        problem = problem_of(client.post(f"/outbox/events/{dead.event_id}/requeue", body), 400)

        assert [error["field"] for error in problem["errors"]] == ["reason"]
        assert row_counts() == before
        assert OutboxEvent.objects.get().status == EventStatus.DEAD

    @pytest.mark.parametrize("forbidden", ["status", "attempts", "payload", "event_id", "actor"])
    def test_what_an_operator_may_not_set_is_refused(self, client, dead, problem_of, forbidden):
        body = {"reason": "Handler mended", forbidden: "DONE"}

        problem = problem_of(client.post(f"/outbox/events/{dead.event_id}/requeue", body), 400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [(forbidden, "unknown_field")]

    def test_an_unknown_one_is_404(self, client, problem_of):
        response = client.post(f"/outbox/events/{uuid.uuid4()}/requeue", {"reason": "Handler mended"})

        assert problem_of(response, 404)["code"] == "outbox_event_not_found"


class TestDismiss:
    def test_ends_a_dead_event_with_an_audit_entry(self, client, users, dead):
        response = client.post(f"/outbox/events/{dead.event_id}/dismiss", {"reason": " A test import "})

        assert response.status_code == 200
        assert set(response.json()) == FIELDS
        assert (response.json()["status"], response.json()["attempts"]) == ("DISMISSED", 10)
        assert response.json()["dismissed_at"] is not None and response.json()["processed_at"] is None
        entry = AuditEntry.objects.get(action="OUTBOX_EVENT_DISMISSED")
        assert (entry.entity_type, entry.entity_id) == ("outbox_event", str(dead.event_id))
        assert (entry.actor, entry.source, entry.reason) == ("admin", "api", "A test import")
        assert entry.changes == {"status": ["FAILED", "DISMISSED"]}
        assert entry.request_id == response["X-Request-ID"]

    def test_no_worker_ever_handles_it(self, client, dead, drain):
        client.post(f"/outbox/events/{dead.event_id}/dismiss", {"reason": "A test import"})

        assert drain(retries=True).moved == 0

        assert client.get(f"/outbox/events/{dead.event_id}").json()["status"] == "DISMISSED"
        assert client.get("/outbox/events", {"status": "DISMISSED"}).json()["count"] == 1
        assert client.get("/outbox/events", {"status": "FAILED"}).json()["count"] == 0

    def test_it_is_red_nowhere_any_more(self, client, dead):
        assert client.get("/kpi").json()["outbox_failed"] == 1

        client.post(f"/outbox/events/{dead.event_id}/dismiss", {"reason": "A test import"})

        assert client.get("/kpi").json()["outbox_failed"] == 0
        assert client.get("/kpi").json()["outbox_pending"] == 0
        assert b'qhse_outbox_events{state="dead"} 0.0' in client.get("/metrics").content

    @pytest.mark.parametrize("action", ["requeue", "dismiss"])
    def test_what_was_dismissed_stays_so_and_the_409_says_why(self, client, dead, problem_of, row_counts, action):
        client.post(f"/outbox/events/{dead.event_id}/dismiss", {"reason": "A test import"})
        before = row_counts()

        problem = problem_of(client.post(f"/outbox/events/{dead.event_id}/{action}", {"reason": "Once more"}), 409)

        assert problem["code"] == "outbox_event_is_not_dead"
        assert "DISMISSED, which is final" in problem["detail"]
        assert row_counts() == before

    @pytest.mark.parametrize("status", ["PENDING", "DONE"])
    def test_one_that_is_not_dead_is_409(self, client, publish_reading, drain, problem_of, row_counts, status):
        event = publish_reading()
        if status == "DONE":
            drain()
        before = row_counts()

        problem = problem_of(client.post(f"/outbox/events/{event.event_id}/dismiss", {"reason": "Not needed"}), 409)

        assert problem["detail"] == f"The event is {status}; only FAILED events can be dismissed."
        assert row_counts() == before

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " \n"}, {"reason": None}, {"reason": "x" * 2001}])
    def test_it_needs_a_reason(self, client, dead, problem_of, row_counts, body):
        before = row_counts()

        problem = problem_of(client.post(f"/outbox/events/{dead.event_id}/dismiss", body), 400)

        assert [error["field"] for error in problem["errors"]] == ["reason"]
        assert row_counts() == before
        assert OutboxEvent.objects.get().status == EventStatus.DEAD

    def test_an_unknown_one_is_404(self, client, problem_of):
        response = client.post(f"/outbox/events/{uuid.uuid4()}/dismiss", {"reason": "A test import"})

        assert problem_of(response, 404)["code"] == "outbox_event_not_found"
