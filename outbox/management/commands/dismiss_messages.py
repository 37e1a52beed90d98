"""`manage.py dismiss_messages`."""

from __future__ import annotations

from outbox.management.messages import MessageDecision
from outbox.relay.services import dismiss_messages


class Command(MessageDecision):
    help = "Never send what was put aside. Nobody can take that back. The reason is kept in the audit trail."
    action = "dismiss"
    done = "dismissed"
    decide = staticmethod(dismiss_messages)
