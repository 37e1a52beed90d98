"""What workers do for the outbox between batches."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.models import WorkerSeen
from outbox.presence import leave_sign
from outbox.selectors import SEEN_EVERY_SECONDS
from qhse.database import bound_transaction
from qhse.periodic import periodic

FORGOTTEN_AFTER = timedelta(days=1)

# Younger ones may belong to a batch that is just starting. In one statement: an outage can leave thousands behind.
_SWEEP = f"""
DELETE FROM outbox_inhand note WHERE note.started_at < statement_timestamp() - interval '1 minute' AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(note.events) held JOIN outbox_outboxevent e ON e.id = (held->>0)::bigint
    WHERE e.status = '{EventStatus.PENDING}'
    AND (extract(epoch FROM e.next_attempt_at) * 1000000)::bigint = (held->>1)::bigint
)
"""  # nosec B608: only a constant is put in


@periodic(every_seconds=600)
def sweep_notes() -> bool:
    """Remove notes of what was in hand whose events have all got another stamp since: they say nothing any more."""
    if connection.vendor == "postgresql":  # on SQLite there are none
        with transaction.atomic(), connection.cursor() as cursor:
            bound_transaction(lock=1, statement=5)
            cursor.execute(_SWEEP)
    return False


@periodic(every_seconds=SEEN_EVERY_SECONDS)
def leave_sign_of_life() -> bool:
    """Store that this worker's loop turns. Not from a thread of its own, which would also live beside a stuck loop."""
    leave_sign()
    return False


@periodic(every_seconds=600)
def forget_workers() -> bool:
    """Remove the signs of workers that were last seen long ago, such as those of containers that are gone."""
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        WorkerSeen.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()
    return False
