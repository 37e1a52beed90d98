"""`manage.py requeue_messages`."""

from __future__ import annotations

from outbox.management.messages import MessageDecision
from outbox.relay.services import requeue_messages


class Command(MessageDecision):
    help = "Send again what a broker refused and was put aside. The reason is kept in the audit trail."
    action = "requeue"
    done = "requeued"
    decide = staticmethod(requeue_messages)
