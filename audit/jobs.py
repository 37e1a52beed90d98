"""What workers do between batches for the trail."""

from __future__ import annotations

from django.conf import settings

from audit.proof.sealing import Sealer
from qhse.periodic import periodic

_seal = Sealer()


@periodic(every_seconds=settings.AUDIT_SEAL_INTERVAL)
def seal_audit_trail() -> bool:
    done = _seal()
    return done.sealed > 0 and not done.complete
