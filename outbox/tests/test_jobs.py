"""Notes of vanished workers go when they say nothing any more, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.jobs import sweep_notes
from outbox.models import InHand, OutboxEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def note(publish_reading):
    def leave(worker: str, *, minutes: int = 2, status: EventStatus = EventStatus.PENDING) -> None:
        event = publish_reading()
        processed_at = timezone.now() if status == EventStatus.PROCESSED else None
        OutboxEvent.objects.filter(pk=event.pk).update(status=status, processed_at=processed_at)
        InHand.objects.create(
            worker=worker, events=[[event.pk, 1]], alone=False, started_at=timezone.now() - timedelta(minutes=minutes)
        )

    return leave


class TestSweepNotes:
    def test_removes_those_whose_events_have_been_decided_on(self, note):
        note("handled", status=EventStatus.PROCESSED)
        note("dead", status=EventStatus.DEAD)
        note("waiting")

        assert sweep_notes() is False

        assert list(InHand.objects.values_list("worker", flat=True)) == ["waiting"]

    def test_leaves_young_ones_alone(self, note):
        note("starting", minutes=0, status=EventStatus.PROCESSED)

        sweep_notes()

        assert InHand.objects.count() == 1
