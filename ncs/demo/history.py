"""
What the risk rule would have concluded of the demo's suppliers, day by day, from what their rows say of each day.

The history is append-only. So its rows are inserted with their days, before the first assessment of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ncs.demo.days import Days, day_of, days_of, figures_on
from qhse import clock
from suppliers.demo import DAYS, Past
from suppliers.models import RiskAssessment
from suppliers.reassessment import DAILY
from suppliers.risk import RULE_VERSION, Assessment, assess

_AT_NIGHT = time(0, 3, tzinfo=UTC)


def seed_risk_history(pasts: Iterable[Past]) -> int:
    """Store what was concluded of each supplier since the eighteen months began. Return how many rows there are."""
    if settings.PRODUCTION:
        raise ImproperlyConfigured("no past is made up in production")
    pasts, today = list(pasts), clock.today()
    days = days_of(past.supplier_id for past in pasts)
    history = [each for past in pasts for each in _concluded(past, days[past.supplier_id], today)]
    history.sort(key=lambda each: each.assessed_at)
    RiskAssessment.objects.bulk_create(history, batch_size=500)
    return len(history)


def _concluded(past: Past, days: Days, today: date) -> Iterator[RiskAssessment]:
    """Yield a row for each day on which something else was concluded than on the day before."""
    causes = _causes(past, days)
    day = max(day_of(past.created), today - timedelta(days=DAYS))
    before = None
    while day < today:
        concluded = assess(figures_on(day, past, days), today=day)
        if concluded != before:
            moment, cause = causes.get(day, (datetime.combine(day, _AT_NIGHT), DAILY))
            yield _row(past.supplier_id, day, moment, cause, concluded)
            before = concluded
        day += timedelta(days=1)


def _row(supplier_id: int, day: date, moment: datetime, cause: str, concluded: Assessment) -> RiskAssessment:
    return RiskAssessment(
        supplier_id=supplier_id, day=day, assessed_at=moment, score=concluded.score, level=concluded.level,
        is_at_risk=concluded.is_at_risk, lines=[line.as_dict() for line in concluded.lines],
        rule_version=RULE_VERSION, confidence=concluded.confidence, cause=cause,
    )  # fmt: skip


def _causes(past: Past, days: Days) -> dict[date, tuple[datetime, str]]:
    """Return by day what happened last to the supplier, and when the worker had seen it."""
    happened = [
        (past.created, "SUPPLIER_CREATED"),
        *((since, "SUPPLIER_CERT_UPDATED") for since, _ in past.declared.known[1:]),
        *((since, "SUPPLIER_CORRECTED") for since, _ in past.required.known[1:]),
        *days.happened,
    ]
    return {day_of(moment): (moment + timedelta(seconds=1), cause) for moment, cause in sorted(happened)}
