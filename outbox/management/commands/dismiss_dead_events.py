"""`manage.py dismiss_dead_events`."""

from __future__ import annotations

from outbox.management.decisions import DecisionCommand
from outbox.services import dismiss_dead_events


class Command(DecisionCommand):
    help = (
        "Dismiss dead outbox events that can never work. They are never handled, and nobody can take that back. The "
        "reason is kept in the audit trail."
    )
    action = "dismiss"
    done = "dismissed"
    decide = staticmethod(dismiss_dead_events)
