"""What workers do between batches for the trail."""

from __future__ import annotations

from django.conf import settings

from audit.proof.sealing import Sealer
from audit.verifying import go_on_verifying
from qhse.periodic import periodic

_seal = Sealer()


@periodic(every_seconds=settings.AUDIT_SEAL_INTERVAL)
def seal_audit_trail() -> bool:
    done = _seal()
    return done.sealed > 0 and not done.complete


VERIFY_SECONDS = 120
"""Who has clicked wakes a worker. A look at nothing is one statement on a table of a few rows."""


@periodic(every_seconds=VERIFY_SECONDS, woken_seconds=3)
def verify_whole_trail() -> bool:
    return go_on_verifying()
