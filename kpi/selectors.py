"""The key figures, exact at the moment of reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Aggregate, Count, Q, Sum, Value

from audit.selectors import entries_total
from outbox.selectors import undone_events
from qhse.clock import present
from qhse.queries import Given, WrittenQuery
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Supplier, at_risk_on, expired_on, expiring_between


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


def current_kpi(*, now: datetime | None = None, using: str = "default") -> Kpi:
    """
    Return the key figures.

    NC figures are sums of the suppliers' counts, which the writing transactions keep exact. Counting the NCs would
    give the same and cost more with each of them.
    """
    now = now or present()
    sums = _supplier_sums(now.astimezone(UTC).date(), using)
    outbox = undone_events(using=using)
    return Kpi(
        as_of=now,
        nc_closed=sums["nc_total"] - sums["nc_open"],
        nc_open_low=sums["nc_open"] - sums["nc_open_high"] - sums["nc_open_medium"],
        outbox_pending=outbox.pending,
        outbox_failed=outbox.dead,
        outbox_oldest_pending_seconds=outbox.oldest_pending_seconds,
        audit_events_total=entries_total(using=using),
        **sums,
    )


def _supplier_sums(today: date, using: str) -> dict[str, int]:
    (row,) = _sums.rows(using=using, today=today, last=today + timedelta(days=RENEWAL_NOTICE_DAYS))
    return {name: figure or 0 for name, figure in zip(_FIGURES, row[1:], strict=True)}  # a sum of nothing is null


_DAY = Supplier._meta.get_field("certification_expiry")
_FIGURES: dict[str, Aggregate] = {
    "suppliers_total": Count("id"),
    "suppliers_at_risk": Count("id", filter=at_risk_on(Given("today", _DAY))),
    "certifications_expired": Count("id", filter=expired_on(Given("today", _DAY))),
    "certifications_expiring_90_days": Count("id", filter=expiring_between(Given("today", _DAY), Given("last", _DAY))),
    "certifications_unknown": Count("id", filter=Q(certification_expiry__isnull=True)),
    # Last: from here on, a filter that names one of these columns would mean the sum.
    "nc_total": Sum("nc_total"),
    "nc_open": Sum("nc_open"),
    "nc_open_high": Sum("nc_open_high"),
    "nc_open_medium": Sum("nc_open_medium"),
}
# Of one group that all are in: the ORM has no lazy sum.
_sums = WrittenQuery(
    lambda: (
        Supplier.objects.standing().order_by().values(all=Value(1)).annotate(**_FIGURES).values_list("all", *_FIGURES)
    )
)
