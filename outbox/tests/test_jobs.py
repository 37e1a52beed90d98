"""Workers do jobs between batches. They sweep notes that say nothing any more, and seal the audit trail."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEntry, AuditSeal
from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.jobs import sweep_notes
from outbox.models import InHand, OutboxEvent, WorkerSeen
from outbox.selectors import allowed_silence, workers


@pytest.fixture
def note(publish_reading):
    def leave(
        worker: str, *, minutes: int = 2, status: EventStatus = EventStatus.PENDING, stamp: int | None = None
    ) -> None:
        event = publish_reading()
        event.refresh_from_db()
        stamp = stamp or (event.next_attempt_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        processed_at = timezone.now() if status == EventStatus.PROCESSED else None
        OutboxEvent.objects.filter(pk=event.pk).update(status=status, processed_at=processed_at)
        started_at = timezone.now() - timedelta(minutes=minutes)
        InHand.objects.create(worker=worker, events=[[event.pk, stamp]], alone=False, started_at=started_at)

    return leave


@pytest.mark.postgres
@pytest.mark.django_db
class TestSweepNotes:
    def test_removes_in_one_statement_those_whose_events_have_been_decided_on(self, note):
        note("handled", status=EventStatus.PROCESSED)
        note("dead", status=EventStatus.DEAD)
        note("retried", stamp=1)
        note("waiting")

        with CaptureQueriesContext(connection) as sent:
            assert sweep_notes() is False

        assert len([query for query in sent if "outbox_inhand" in query["sql"]]) == 1
        assert list(InHand.objects.values_list("worker", flat=True)) == ["waiting"]

    def test_leaves_young_ones_alone(self, note):
        note("starting", minutes=0, status=EventStatus.PROCESSED)

        sweep_notes()

        assert InHand.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_running_worker_seals_what_is_written_beside_it(start_worker, publish_reading):
    start_worker(AUDIT_SEAL_INTERVAL="0.1", OUTBOX_POLL_INTERVAL="60")
    publish_reading()
    wait_until(lambda: AuditSeal.objects.exists(), seconds=60, what="the first seal")

    publish_reading(gauge_id=2)
    wait_until(
        lambda: AuditEntry.objects.count() == 2 and not AuditEntry.objects.unsealed().exists(),
        seconds=60, what="all entries to be sealed",
    )  # fmt: skip


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_drains_leaves_nothing_unsealed(start_worker, publish_reading):
    publish_reading()

    assert start_worker("--drain").wait(60) == 0

    assert AuditEntry.objects.count() == 1
    assert not AuditEntry.objects.unsealed().exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_one_of_two_workers_that_is_frozen_or_killed_is_missed_and_one_that_was_told_to_stop_is_not(
    start_worker, anonymous, how
):
    lost, told = start_worker(OUTBOX_POLL_INTERVAL="60"), start_worker(OUTBOX_POLL_INTERVAL="60")
    wait_until(lambda: workers().living == 2, seconds=60, what="both signs of life")
    lost.send_signal(how)
    WorkerSeen.objects.update(started_at=timezone.now() - timedelta(hours=1))
    sign = WorkerSeen.objects.filter(worker__contains=f"-{lost.pid}-")
    sign.update(seen_at=timezone.now() - timedelta(seconds=allowed_silence() + 22))
    assert anonymous.get("/readyz").json()["remarks"] == {"workers": "1 of 2 not seen for 82 s"}
    assert b"qhse_outbox_workers_silent 1.0" in anonymous.get("/metrics").content

    told.send_signal(signal.SIGTERM)

    assert told.wait(20) == 0
    assert list(WorkerSeen.objects.all()) == list(sign)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_frozen_worker_is_missed_and_found_again_when_it_thaws(start_worker, anonymous):
    worker = start_worker(OUTBOX_POLL_INTERVAL="60")
    wait_until(lambda: workers().living, seconds=60, what="the first sign of life")
    assert anonymous.get("/readyz").json()["remarks"] == {"workers": "ok"}

    worker.send_signal(signal.SIGSTOP)
    # As the time would that it is frozen, and nothing but the process could undo it.
    WorkerSeen.objects.update(seen_at=timezone.now() - timedelta(seconds=allowed_silence() + 22))

    assert anonymous.get("/readyz").json()["remarks"] == {"workers": "not seen for 82 s"}
    assert b"qhse_outbox_workers 0.0" in anonymous.get("/metrics").content

    worker.send_signal(signal.SIGCONT)
    wait_until(lambda: workers().living, seconds=60, what="a sign of life")
    assert b"qhse_outbox_workers 1.0" in anonymous.get("/metrics").content
