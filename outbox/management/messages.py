"""Deciding on messages that were put aside: events that the other side refuses."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from outbox.choices import OutgoingState
from outbox.management.decisions import DecisionCommand
from outbox.models import OutboxEvent, Outgoing


class MessageDecision(DecisionCommand):
    """Calls `decide` with rows that were put aside."""

    def chosen(self, which: Q) -> list[tuple[int, UUID]]:
        aside = list(Outgoing.objects.filter(state=OutgoingState.ASIDE).order_by("id").values_list("pk", "event"))
        events = OutboxEvent.objects.filter(which, pk__in=[event for _, event in aside])
        ids = dict(events.values_list("pk", "event_id"))
        return [(row, ids[event]) for row, event in aside if event in ids]
