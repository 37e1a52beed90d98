"""The risk rule: points that add up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppliers.choices import Confidence, RiskLevel
from suppliers.risk import (
    AT_RISK_FLOOR,
    CODES,
    LEVELS,
    MOST_ROWS,
    RULE_VERSION,
    CaseFigures,
    CertificateFigure,
    ClosedCase,
    Line,
    SupplierFigures,
    VolumeFigures,
    assess,
    is_at_risk,
    is_expired,
    level_of,
    weights,
)

TODAY = date(2026, 11, 23)


def figures(high=0, medium=0, low=0, days=None, **more):
    expiry = None if days is None else TODAY + timedelta(days=days)
    return SupplierFigures(expiry, high + medium + low, high, medium, **more)


def certificate(days, status="verified", standard="iso_9001", pk=1):
    return CertificateFigure(pk, standard, status, TODAY - timedelta(days=900), TODAY + timedelta(days=days))


def closed(severity, days, pk=1):
    return ClosedCase(pk, severity, days)


def points_of(given_figures):
    return {line.code: line.points for line in assess(given_figures, today=TODAY).lines}


def ids(number):
    return tuple(range(1, number + 1))


class TestVectors:
    """Those of the specification of the rule."""

    def test_two_high_and_one_medium_open_one_overdue_a_certificate_that_ends_in_45_days(self):
        subject = figures(
            2, 1, cases=CaseFigures(overdue=ids(1)), required=("iso_9001",), certificates=(certificate(45),)
        )

        assessment = assess(subject, today=TODAY)

        assert points_of(subject) == {"open_ncs": 29, "overdue": 4, "certificate_expiring": 6, "floor": 11}
        assert (assessment.score, assessment.level, assessment.is_at_risk) == (50, RiskLevel.HIGH, True)

    def test_a_required_certificate_is_missing_and_nothing_else(self):
        subject = figures(required=("iso_9001",))

        assessment = assess(subject, today=TODAY)

        assert points_of(subject) == {"certificate_missing": 20, "floor": 5}
        assert (assessment.score, assessment.level, assessment.is_at_risk) == (25, RiskLevel.MEDIUM, False)

    def test_many_small_things_are_high_though_it_is_not_at_risk(self):
        cases = CaseFigures(
            closed=tuple(closed("high", 180, pk) for pk in ids(4)), repeats=ids(2), overdue=ids(3), ineffective=ids(1)
        )
        subject = figures(medium=3, cases=cases, volumes=VolumeFigures(10_000, 30))

        assessment = assess(subject, today=TODAY)

        assert points_of(subject) == {
            "open_ncs": 15,
            "closed_ncs": 8,
            "repeats": 10,
            "overdue": 12,
            "ineffective_actions": 4,
            "ppm": 5,
        }
        assert (assessment.score, assessment.level, assessment.is_at_risk) == (54, RiskLevel.HIGH, False)

    def test_a_clean_supplier_has_no_points(self):
        subject = figures(
            days=365,
            required=("iso_9001",),
            certificates=(certificate(365),),
            volumes=VolumeFigures(10_000, 10),
        )

        assessment = assess(subject, today=TODAY)

        assert (assessment.score, assessment.level, assessment.lines) == (0, RiskLevel.LOW, ())
        assert assessment.confidence == Confidence.FULL


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
        (figures(days=61), 3, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=90), 3, RiskLevel.LOW, ["certification_expiring"]),
        (figures(days=91), 0, RiskLevel.LOW, []),
        (figures(days=-1), 50, RiskLevel.HIGH, ["certification_expired", "floor"]),
    ],
)
def test_a_supplier_of_which_only_counts_and_a_date_are_known(given_figures, score, level, codes):
    assessment = assess(given_figures, today=TODAY)

    assert (assessment.score, assessment.level) == (score, level)
    assert [line.code for line in assessment.lines] == codes


class TestClosedCases:
    @pytest.mark.parametrize(
        ("cases", "points"),
        [
            ([("high", 0)], 4),
            ([("medium", 0)], 2),
            ([("low", 0)], 1),
            ([("high", 180)], 2),
            ([("high", 360)], 1),
            ([("low", 180)], 1),  # 0.5, half up
            ([("low", 181)], 0),
            ([("low", 181), ("low", 181)], 1),  # rounded once, at the end: 0.498 + 0.498
            ([("medium", 180), ("medium", 180), ("low", 180)], 3),  # 2.5
            ([("high", 366)], 0),
            ([("high", 0)] * 5, 10),
        ],
    )
    def test_count_half_after_half_a_year(self, cases, points):
        subject = figures(cases=CaseFigures(closed=tuple(closed(*each, pk) for pk, each in enumerate(cases))))

        assert points_of(subject).get("closed_ncs", 0) == points

    def test_say_the_same_each_day_until_their_points_change(self):
        first, second = (
            assess(figures(cases=CaseFigures(closed=(closed("high", days),))), today=TODAY) for days in (10, 11)
        )

        assert first == second


@pytest.mark.parametrize(
    ("cases", "code", "points"),
    [
        (CaseFigures(repeats=ids(1)), "repeats", 5),
        (CaseFigures(repeats=ids(3)), "repeats", 10),
        (CaseFigures(overdue=ids(1), overdue_actions=ids(1)), "overdue", 8),
        (CaseFigures(overdue=ids(2), overdue_actions=ids(2)), "overdue", 12),
        (CaseFigures(ineffective=ids(1)), "ineffective_actions", 4),
        (CaseFigures(ineffective=ids(3)), "ineffective_actions", 8),
    ],
)
def test_repeats_lateness_and_actions_that_did_not_help_cost_so_much(cases, code, points):
    assert points_of(figures(cases=cases)) == {code: points}


class TestDelivery:
    @pytest.mark.parametrize(
        ("received", "defective", "points"),
        [
            (10_000, 10, 0),  # at the target
            (10_000, 11, 0),
            (10_000, 12, 1),  # 0.5, half up
            (10_000, 30, 5),
            (10_000, 50, 10),
            (10_000, 9_000, 10),
            (499, 499, 0),  # too few to say
            (500, 500, 10),
        ],
    )
    def test_costs_none_at_the_target_and_all_at_five_times_the_target(self, received, defective, points):
        assert points_of(figures(volumes=VolumeFigures(received, defective))).get("ppm", 0) == points

    @pytest.mark.parametrize(
        ("received", "confidence"), [(0, Confidence.LOW), (499, Confidence.LOW), (500, Confidence.FULL)]
    )
    def test_that_is_not_known_makes_the_confidence_low_and_costs_nothing(self, received, confidence):
        assessment = assess(figures(volumes=VolumeFigures(received, received)), today=TODAY)

        assert assessment.confidence == confidence
        assert bool(assessment.lines) == (confidence == Confidence.FULL)

    def test_is_measured_by_the_target_of_the_site(self):
        subject = figures(volumes=VolumeFigures(10_000, 30), ppm_target=3000)

        assert points_of(subject) == {}

    def test_is_of_a_million_pieces_rounded_half_up(self):
        assert [VolumeFigures(received, 1).ppm for received in (3000, 2_000_000, 2_000_001, 499)] == [333, 1, 0, None]


class TestFloor:
    def test_says_what_it_adds_so_that_the_lines_still_sum_to_the_score(self):
        *_, floor = assess(figures(high=1), today=TODAY).lines

        assert floor.as_dict() == {
            "code": "floor",
            "detail": "An expired certification or an open high NC is never below high risk",
            "points": AT_RISK_FLOOR - 12,
            "figure": {"floor": AT_RISK_FLOOR},
            "rows": [],
        }

    def test_is_not_there_where_the_score_is_as_high_already(self):
        subject = figures(high=3, days=-1)

        assert "floor" not in points_of(subject)

    def test_lifts_one_whose_required_certificate_is_expired_though_it_is_not_at_risk(self):
        subject = figures(days=500, required=("iso_9001",), certificates=(certificate(-1),))

        assessment = assess(subject, today=TODAY)

        assert (assessment.score, assessment.is_at_risk) == (50, False)

    def test_looks_at_every_required_standard_and_not_only_at_the_worst(self):
        subject = figures(required=("iso_14001", "iso_9001"), certificates=(certificate(-1),))

        assert assess(subject, today=TODAY).score == 50


class TestRows:
    def test_are_named_with_each_line(self):
        cases = CaseFigures(
            open=(3, 4),
            closed=(closed("high", 1, 2),),
            repeats=(4,),
            overdue=(3,),
            overdue_actions=(7,),
            ineffective=(6,),
        )
        subject = figures(
            medium=2, cases=cases, volumes=VolumeFigures(1000, 900, (8, 9)), required=("iso_9001",),
            certificates=(certificate(10, pk=5),),
        )  # fmt: skip

        rows = {line.code: [each.as_dict() for each in line.rows] for line in assess(subject, today=TODAY).lines}

        def of(kind, *ids):
            return {"kind": kind, "ids": list(ids), "total": len(ids)}

        assert rows == {
            "open_ncs": [of("nonconformity", 4, 3)],
            "closed_ncs": [of("nonconformity", 2)],
            "repeats": [of("nonconformity", 4)],
            "overdue": [of("nonconformity", 3), of("action", 7)],
            "ineffective_actions": [of("action", 6)],
            "certificate_expiring": [of("certificate", 5)],
            "ppm": [of("volume", 9, 8)],
        }

    def test_are_the_newest_twenty_with_the_number_of_all(self):
        (line,) = assess(figures(medium=30, cases=CaseFigures(open=ids(30))), today=TODAY).lines

        assert line.rows[0].ids == tuple(range(30, 10, -1))
        assert (len(line.rows[0].ids), line.rows[0].total) == (MOST_ROWS, 30)

    def test_come_back_as_they_were_stored(self):
        (line,) = assess(figures(low=1, cases=CaseFigures(open=(1,))), today=TODAY).lines

        assert Line.stored(line.as_dict()) == line

    def test_of_the_first_version_are_not_known(self):
        line = Line.stored({"code": "open_ncs", "detail": "Open non-conformities: 1 low", "points": 2})

        assert (line.points, line.figure, line.rows) == (2, None, ())


counts = st.integers(0, 1000)
some_ids = st.integers(0, 30).map(ids)
certificates = st.builds(
    lambda days, status, standard: certificate(days, status, standard),
    st.integers(-400, 400),
    st.sampled_from(["submitted", "verified", "rejected", "withdrawn", "superseded"]),
    st.sampled_from(["iso_9001", "iso_14001"]),
)
any_figures = st.builds(
    figures,
    counts,
    counts,
    counts,
    st.none() | st.integers(-5000, 5000),
    cases=st.builds(
        CaseFigures,
        closed=st.lists(st.builds(closed, st.sampled_from(["high", "medium", "low"]), st.integers(0, 365))).map(tuple),
        repeats=some_ids,
        overdue=some_ids,
        overdue_actions=some_ids,
        ineffective=some_ids,
    ),
    required=st.sampled_from([(), ("iso_9001",), ("iso_14001", "iso_9001")]),
    certificates=st.lists(certificates, max_size=5).map(tuple),
    volumes=st.builds(lambda received, share: VolumeFigures(received, received // share), counts, st.integers(1, 99)),
)


@given(any_figures)
def test_points_add_up_to_a_score_from_0_to_100_and_at_risk_is_never_below_high(subject):
    assessment = assess(subject, today=TODAY)

    assert sum(line.points for line in assessment.lines) == assessment.score
    assert 0 <= assessment.score <= 100
    assert all(line.points > 0 or line.code == "declared_not_proven" for line in assessment.lines)
    assert {line.code for line in assessment.lines} <= CODES
    assert assessment.level == level_of(assessment.score)
    assert assessment.is_at_risk == is_at_risk(subject, today=TODAY)
    assert not assessment.is_at_risk or assessment.level in (RiskLevel.HIGH, RiskLevel.CRITICAL)


@given(any_figures)
def test_one_more_open_nc_never_lowers_the_score(subject):
    before = assess(subject, today=TODAY).score
    high, medium, low = subject.nc_open_high, subject.nc_open_medium, subject.nc_open_low

    for more in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        worse = SupplierFigures(
            subject.certification_expiry,
            high + medium + low + 1,
            high + more[0],
            medium + more[1],
            subject.cases,
            subject.required,
            subject.certificates,
            subject.volumes,
        )
        assert assess(worse, today=TODAY).score >= before


def test_the_worst_supplier_there_can_be_is_critical_with_a_hundred_points():
    cases = CaseFigures(
        closed=tuple(closed("high", 0, pk) for pk in ids(9)), repeats=ids(9), overdue=ids(9), ineffective=ids(9)
    )
    subject = figures(high=9, days=-1, cases=cases, volumes=VolumeFigures(1000, 1000))

    assessment = assess(subject, today=TODAY)

    assert (assessment.score, assessment.level) == (100, RiskLevel.CRITICAL)


@pytest.mark.parametrize(("days", "expired"), [(-1, True), (0, False), (1, False), (None, False)])
def test_a_certificate_is_valid_through_its_last_day(days, expired):
    assert is_expired(figures(days=days).certification_expiry, today=TODAY) is expired


@pytest.mark.parametrize(
    ("given_figures", "details"),
    [
        (figures(high=2, low=1), ["Open non-conformities: 2 high, 1 low"]),
        (
            figures(medium=1, days=20),
            ["Open non-conformities: 1 medium", "Certification ends on 2026-12-13, within 30 days"],
        ),
        (figures(days=-1), ["Certification expired on 2026-11-22"]),
        (figures(cases=CaseFigures(overdue=ids(1), overdue_actions=ids(2))), ["Overdue: 1 non-conformity, 2 actions"]),
        (
            figures(volumes=VolumeFigures(10_000, 30)),
            ["3,000 defective of a million pieces in the last 3 full months; the target is 1,000"],
        ),
    ],
)
def test_each_line_says_in_words_what_its_points_are_for(given_figures, details):
    lines = [line for line in assess(given_figures, today=TODAY).lines if line.code != "floor"]

    assert [line.detail for line in lines] == details


def test_levels_stand_from_the_highest_down_because_the_first_that_fits_counts():
    thresholds = [threshold for threshold, _ in LEVELS]

    assert thresholds == sorted(thresholds, reverse=True)
    assert {level for _, level in LEVELS} == set(RiskLevel)
    assert thresholds[-1] == 0


def test_the_caps_sum_to_a_hundred_so_that_no_score_has_to_be_cut():
    assert RULE_VERSION == 2
    caps = [value for name, value in vars(weights).items() if name.endswith("_CAP")]
    assert sum(caps) + weights.PPM_POINTS == 100
