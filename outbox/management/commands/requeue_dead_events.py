"""`manage.py requeue_dead_events`."""

from __future__ import annotations

from outbox.management.decisions import DecisionCommand
from outbox.services import requeue_dead_events


class Command(DecisionCommand):
    help = "Put dead outbox events back to pending. The reason is kept in the audit trail."
    action = "requeue"
    done = "requeued"
    decide = staticmethod(requeue_dead_events)
