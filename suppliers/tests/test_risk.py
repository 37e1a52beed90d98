"""The risk rule: points that add up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppliers.choices import RiskLevel
from suppliers.risk import SupplierFigures, assess, is_at_risk

TODAY = date(2026, 11, 23)


def figures(high=0, medium=0, low=0, days=None):
    expiry = None if days is None else TODAY + timedelta(days=days)
    return SupplierFigures(expiry, high + medium + low, high, medium)


@pytest.mark.parametrize(
    ("given_figures", "score", "level", "codes"),
    [
        (figures(), 0, RiskLevel.LOW, []),
        (figures(days=365), 0, RiskLevel.LOW, []),
        (figures(low=3), 6, RiskLevel.LOW, ["open_ncs"]),
        (figures(medium=5), 25, RiskLevel.MEDIUM, ["open_ncs"]),
        (figures(medium=50), 30, RiskLevel.MEDIUM, ["open_ncs"]),
        (figures(high=1), 50, RiskLevel.HIGH, ["open_ncs", "floor"]),
        (figures(high=2, medium=1, days=45), 50, RiskLevel.HIGH, ["open_ncs", "certification_expiring", "floor"]),
        (figures(high=9, days=-1), 50, RiskLevel.HIGH, ["open_ncs", "certification_expired"]),
        (figures(days=0), 12, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=30), 12, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=31), 6, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=60), 6, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=90), 3, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=91), 0, RiskLevel.LOW, []),
        (figures(days=-1), 50, RiskLevel.HIGH, ["certification_expired", "floor"]),
    ],
)
def test_a_supplier_is_assessed_by_the_table(given_figures, score, level, codes):
    assessment = assess(given_figures, today=TODAY)

    assert (assessment.score, assessment.level) == (score, level)
    assert [reason.code for reason in assessment.reasons] == codes


counts = st.integers(0, 1000)


@given(counts, counts, counts, st.none() | st.integers(-5000, 5000))
def test_points_add_up_to_a_score_from_0_to_100_and_at_risk_is_never_below_high(high, medium, low, days):
    subject = figures(high, medium, low, days)

    assessment = assess(subject, today=TODAY)

    assert sum(reason.points for reason in assessment.reasons) == assessment.score
    assert 0 <= assessment.score <= 100
    assert assessment.is_at_risk == is_at_risk(subject, today=TODAY) == (high > 0 or (days is not None and days < 0))
    assert not assessment.is_at_risk or assessment.level in (RiskLevel.HIGH, RiskLevel.CRITICAL)
