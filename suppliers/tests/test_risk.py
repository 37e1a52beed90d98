"""The risk rule: points that add up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppliers.choices import RiskLevel
from suppliers.risk import AT_RISK_FLOOR, LEVELS, OPEN_NC_CAP, SupplierFigures, assess, is_at_risk, is_expired

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


@pytest.mark.parametrize(("days", "expired"), [(-1, True), (0, False), (1, False), (None, False)])
def test_a_certificate_is_valid_through_its_last_day(days, expired):
    assert is_expired(figures(days=days).certification_expiry, today=TODAY) is expired


@pytest.mark.parametrize(
    ("given_figures", "details"),
    [
        (figures(high=2, low=1), ["Open non-conformities: 2 high, 1 low"]),
        (
            figures(medium=1, days=20),
            ["Open non-conformities: 1 medium", "Certification ends on 2026-12-13, in 20 days"],
        ),
        (figures(days=-1), ["Certification expired on 2026-11-22"]),
    ],
)
def test_each_line_says_in_words_what_its_points_are_for(given_figures, details):
    reasons = [reason for reason in assess(given_figures, today=TODAY).reasons if reason.code != "floor"]

    assert [reason.detail for reason in reasons] == details


def test_the_floor_says_what_it_adds_so_that_the_lines_still_sum_to_the_score():
    *_, floor = assess(figures(high=1), today=TODAY).reasons

    assert floor.as_dict() == {
        "code": "floor",
        "detail": "An expired certification or an open high NC is never below high risk",
        "points": AT_RISK_FLOOR - 12,
    }


def test_many_open_ncs_weigh_no_more_than_the_cap():
    (reason,) = assess(figures(medium=1000), today=TODAY).reasons

    assert reason.points == OPEN_NC_CAP


def test_levels_stand_from_the_highest_down_because_the_first_that_fits_counts():
    thresholds = [threshold for threshold, _ in LEVELS]

    assert thresholds == sorted(thresholds, reverse=True)
    assert {level for _, level in LEVELS} == set(RiskLevel)
    assert thresholds[-1] == 0


@given(counts, counts, counts, st.none() | st.integers(-5000, 5000))
def test_one_more_open_nc_never_lowers_the_score(high, medium, low, days):
    before = assess(figures(high, medium, low, days), today=TODAY).score

    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        worse = figures(high + more[0], medium + more[1], low + more[2], days)
        assert assess(worse, today=TODAY).score >= before
