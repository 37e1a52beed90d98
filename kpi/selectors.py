"""The key figures, exact at the moment of reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from audit.selectors import entries_total
from outbox.selectors import outbox_status
from qhse.clock import present
from suppliers.models import Supplier, at_risk_on, expired_on, expiring_on


@dataclass(frozen=True, slots=True)
class Kpi:
    """Counts at one moment. docs/domain.md defines each."""

    as_of: datetime
    nc_total: int
    nc_open: int
    nc_open_high: int
    nc_open_medium: int
    nc_open_low: int
    nc_closed: int
    suppliers_total: int
    suppliers_at_risk: int
    certifications_expired: int
    certifications_expiring_90_days: int
    certifications_unknown: int
    outbox_pending: int
    outbox_failed: int
    outbox_oldest_pending_seconds: float | None
    audit_events_total: int


def current_kpi(*, now: datetime | None = None) -> Kpi:
    """
    Return the key figures.

    NC figures are sums of the suppliers' counts, which the writing transactions keep exact. Counting the NCs would
    give the same and cost more with each of them.
    """
    now = now or present()
    sums = _supplier_sums(now.astimezone(UTC).date())
    outbox = outbox_status()
    return Kpi(
        as_of=now,
        nc_closed=sums["nc_total"] - sums["nc_open"],
        nc_open_low=sums["nc_open"] - sums["nc_open_high"] - sums["nc_open_medium"],
        outbox_pending=outbox.pending,
        outbox_failed=outbox.dead,
        outbox_oldest_pending_seconds=outbox.oldest_pending_seconds,
        audit_events_total=entries_total(),
        **sums,
    )


def _supplier_sums(today: date) -> dict[str, int]:
    return Supplier.objects.aggregate(
        suppliers_total=Count("id"),
        suppliers_at_risk=Count("id", filter=at_risk_on(today)),
        certifications_expired=Count("id", filter=expired_on(today)),
        certifications_expiring_90_days=Count("id", filter=expiring_on(today)),
        certifications_unknown=Count("id", filter=Q(certification_expiry__isnull=True)),
        # Last: from here on, a filter that names one of these columns would mean the sum.
        nc_total=Coalesce(Sum("nc_total"), 0),
        nc_open=Coalesce(Sum("nc_open"), 0),
        nc_open_high=Coalesce(Sum("nc_open_high"), 0),
        nc_open_medium=Coalesce(Sum("nc_open_medium"), 0),
    )
