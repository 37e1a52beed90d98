"""
`python -m lab.browser.records`: demo data and the odd records that only accidents make. Prints where they are.

The output is JSON: model → state → primary key.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import timedelta
from typing import Any

import django

from qhse.env import choose_settings
from qhse.terminal import run_program

LONG_WORD = "Lot" + "0123456789abcdef" * 12


def main() -> int:
    choose_settings()
    django.setup()
    sys.stdout.write(f"{json.dumps(make_records())}\n")
    return 0


def make_records() -> dict[str, dict[str, int]]:
    """Store one record of each state that an admin page tells apart. Return their keys by model and state."""
    from django.core.management import call_command
    from django.utils import timezone

    from ncs.choices import NcStatus
    from ncs.models import CorrectiveAction, NonConformity
    from ncs.services import open_action, open_nonconformity
    from outbox.choices import EventStatus
    from outbox.models import OutboxEvent
    from qhse.accounts.models import User
    from suppliers.models import Supplier
    from suppliers.services import create_supplier

    call_command("seed_demo", "--suppliers", "20", "--ncs", "30", stdout=sys.stderr)
    call_command("run_outbox_worker", "--drain", stdout=sys.stderr)
    admin = User.objects.get(username="admin")
    # Names and texts that fit nowhere: pages must break them.
    long_named = create_supplier(name=LONG_WORD[:190], actor=admin)
    long_text = open_nonconformity(supplier_id=long_named.pk, severity="high", description=LONG_WORD * 5, actor=admin)
    action = open_action(nc_id=long_text.pk, kind="corrective", title=LONG_WORD[:200], actor=admin)
    files = {
        "ncs.nonconformity.file": _files_on("nonconformity", long_text.pk, admin),
        "ncs.correctiveaction.file": _files_on("action", action.pk, admin),
    }
    events = OutboxEvent.objects.order_by("id")
    dead = events.filter(event_type="NC_CREATED")[:3]
    OutboxEvent.objects.filter(pk__in=[event.pk for event in dead]).update(
        status=EventStatus.DEAD,
        attempts=10,
        processed_at=None,
        last_error=f"KeyError: 'lot'\n\nTraceback:\n  {LONG_WORD}",
    )
    retried = events.filter(status=EventStatus.PENDING)[:2]
    later = timezone.now() + timedelta(days=1)  # the worker leaves it as it is
    OutboxEvent.objects.filter(pk__in=[event.pk for event in retried]).update(attempts=3, next_attempt_at=later)
    ncs = NonConformity.objects.order_by("id")
    return {
        "ncs.nonconformity": {
            "open": ncs.filter(status=NcStatus.OPEN)[0].pk,
            "closed": ncs.filter(status=NcStatus.CLOSED)[0].pk,
            "long": long_text.pk,
        },
        "ncs.correctiveaction": {each.status: each.pk for each in CorrectiveAction.objects.order_by("-id")},
        "suppliers.supplier": {"usual": Supplier.objects.order_by("id")[0].pk, "long": long_named.pk},
        "outbox.outboxevent": {
            "dead": dead[0].pk,
            "done": events.filter(status=EventStatus.PROCESSED)[0].pk,
            "retried": events.filter(status=EventStatus.PENDING)[0].pk,
        },
        **files,
        "accounts.user": {"usual": User.objects.get(username="quality").pk},
    }


def _files_on(entity_type: str, pk: int, actor: Any) -> dict[str, int]:
    """Put a file on a record, and one that is void."""
    from qhse.attachments.services import attach, void_attachment

    about: dict[str, Any] = {"entity_type": entity_type, "entity_id": str(pk), "actor": actor}
    attach(**about, name=f"{LONG_WORD[:100]}.txt", content=io.BytesIO(b"12.08 mm"), description=LONG_WORD)
    void = attach(**about, name="bore.txt", content=io.BytesIO(b"12.80 mm"))
    void_attachment(attachment_id=void.pk, reason=LONG_WORD, actor=actor)
    return {"record": pk, "void": void.pk}


if __name__ == "__main__":
    run_program(main)
