"""
How risky a supplier is: points that add up, from figures alone.

docs/domain.md explains the factors Q1 and C1 and the floor. Weights and caps are this project's judgement. They carry
RULE_VERSION: whoever reads a stored level can tell which rule gave it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from suppliers.choices import RiskLevel, Severity

RULE_VERSION = 1

OPEN_NC_POINTS = {Severity.HIGH: 12, Severity.MEDIUM: 5, Severity.LOW: 2}
OPEN_NC_CAP = 30
EXPIRED_POINTS = 20
# (At most this many days left, points.) The days are the rule's own: another RENEWAL_NOTICE_DAYS changes no score.
EXPIRING_POINTS = ((30, 12), (60, 6), (90, 3))
AT_RISK_FLOOR = 50
LEVELS = ((75, RiskLevel.CRITICAL), (50, RiskLevel.HIGH), (25, RiskLevel.MEDIUM), (0, RiskLevel.LOW))


@dataclass(frozen=True, slots=True)
class SupplierFigures:
    """What the rule looks at."""

    certification_expiry: date | None
    nc_open: int
    nc_open_high: int
    nc_open_medium: int

    @property
    def nc_open_low(self) -> int:
        return self.nc_open - self.nc_open_high - self.nc_open_medium


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of the score. The points of all lines sum to it."""

    code: str
    detail: str
    points: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RiskAssessment:
    is_at_risk: bool
    score: int
    level: RiskLevel
    reasons: tuple[Reason, ...]


def is_at_risk(figures: SupplierFigures, *, today: date) -> bool:
    """Answer the contract's question: has the certification expired, or is a high NC open?"""
    return is_expired(figures.certification_expiry, today=today) or figures.nc_open_high > 0


def is_expired(expiry: date | None, *, today: date) -> bool:
    """A certificate is valid through its last day."""
    return expiry is not None and expiry < today


def assess(figures: SupplierFigures, *, today: date) -> RiskAssessment:
    """Return the score, from 0 (best) to 100, with its reasons. `today` is a date in UTC."""
    reasons = [*_open_nc_reasons(figures), *_certification_reasons(figures.certification_expiry, today)]
    score = sum(reason.points for reason in reasons)
    at_risk = is_at_risk(figures, today=today)
    if at_risk and score < AT_RISK_FLOOR:
        reasons.append(
            Reason(
                "floor",
                "An expired certification or an open high NC is never below high risk",
                AT_RISK_FLOOR - score,
            )
        )
        score = AT_RISK_FLOOR
    level = next(level for threshold, level in LEVELS if score >= threshold)
    return RiskAssessment(at_risk, score, level, tuple(reasons))


def _open_nc_reasons(figures: SupplierFigures) -> list[Reason]:
    counts = {
        Severity.HIGH: figures.nc_open_high,
        Severity.MEDIUM: figures.nc_open_medium,
        Severity.LOW: figures.nc_open_low,
    }
    points = min(OPEN_NC_CAP, sum(OPEN_NC_POINTS[severity] * number for severity, number in counts.items()))
    if not points:
        return []
    listed = ", ".join(f"{number} {severity}" for severity, number in counts.items() if number)
    return [Reason("open_ncs", f"Open non-conformities: {listed}", points)]


def _certification_reasons(expiry: date | None, today: date) -> list[Reason]:
    if expiry is None:
        return []
    if is_expired(expiry, today=today):
        return [Reason("certification_expired", f"Certification expired on {expiry}", EXPIRED_POINTS)]
    days_left = (expiry - today).days
    for limit, points in EXPIRING_POINTS:
        if days_left <= limit:
            return [Reason("certification_expiring", f"Certification ends on {expiry}, in {days_left} days", points)]
    return []
