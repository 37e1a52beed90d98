"""What workers do for the outbox between batches."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from outbox.models import InHand, OutboxEvent
from qhse.periodic import periodic


@periodic(every_seconds=600)
def sweep_notes() -> bool:
    """Remove notes of what was in hand whose events have all been decided on: they say nothing any more."""
    # Younger ones may belong to a batch that is just starting.
    for note in InHand.objects.filter(started_at__lt=Now() - timedelta(minutes=1)):
        if not OutboxEvent.objects.pending().filter(pk__in=[pk for pk, _ in note.events]).exists():
            InHand.objects.filter(pk=note.pk, started_at=note.started_at).delete()
    return False
