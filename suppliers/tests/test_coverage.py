"""What certificates prove of what is required: tables of examples."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from suppliers.coverage import Coverage, Current, coverage_of, declared_not_proven, in_force, kept_of, proven_until

TODAY, EARLY, LATE = date(2026, 11, 23), date(2027, 6, 30), date(2029, 6, 30)
LONG_AGO, AFTER_EARLY, AFTER_A_GAP = date(2024, 1, 1), EARLY + timedelta(days=1), EARLY + timedelta(days=2)
NINE, FOURTEEN = "iso_9001", "iso_14001"


def held(standard, status, valid_to, valid_from=LONG_AGO):
    return Current(standard, status, valid_from, valid_to)


class TestInForce:
    """Each as (first day, last day), in days from today."""

    @pytest.mark.parametrize(
        ("periods", "counted"),
        [
            ([], []),
            ([(0, 9)], [(0, 9)]),
            ([(1, 9)], []),
            ([(-9, -5)], [(-9, -5)]),  # it has ended, and says since when
            ([(-9, 5), (6, 9)], [(-9, 5), (6, 9)]),
            ([(-9, 5), (3, 9)], [(-9, 5), (3, 9)]),
            ([(-9, 5), (7, 9)], [(-9, 5)]),
            ([(-9, -1), (1, 9)], [(-9, -1)]),
            ([(-9, -5), (-4, 9)], [(-9, -5), (-4, 9)]),
            ([(-9, 5), (6, 9), (10, 19)], [(-9, 5), (6, 9), (10, 19)]),
            ([(-9, 5), (6, 9), (11, 19)], [(-9, 5), (6, 9)]),
            ([(-9, 5), (-8, 20), (21, 40)], [(-9, 5), (-8, 20), (21, 40)]),
        ],
    )
    def test_is_what_has_begun_and_what_takes_over_without_a_gap(self, periods, counted):
        all_of = [held(NINE, "verified", *(TODAY + timedelta(days=n) for n in reversed(each))) for each in periods]

        for given in (all_of, all_of[::-1]):
            found = in_force(given, TODAY)
            assert [((each.valid_from - TODAY).days, (each.valid_to - TODAY).days) for each in found] == counted


class TestCoverage:
    @pytest.mark.parametrize(
        ("required", "certificates", "expected"),
        [
            ([], [held(NINE, "verified", LATE)], Coverage(None, 0, 0)),
            ([NINE], [], Coverage(None, 1, 0)),
            ([NINE, FOURTEEN], [held(NINE, "verified", LATE)], Coverage(LATE, 1, 0)),
            ([NINE], [held(FOURTEEN, "verified", LATE)], Coverage(None, 1, 0)),
            ([NINE], [held(NINE, "submitted", LATE)], Coverage(LATE, 0, 1)),
            # Of several the one with the latest end counts, verified or not.
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "submitted", LATE)], Coverage(LATE, 0, 1)),
            ([NINE], [held(NINE, "submitted", EARLY), held(NINE, "verified", LATE)], Coverage(LATE, 0, 0)),
            ([NINE], [held(NINE, "verified", LATE), held(NINE, "submitted", LATE)], Coverage(LATE, 0, 0)),
            # Of the standards the one that ends first.
            ([NINE, FOURTEEN], [held(NINE, "verified", LATE), held(FOURTEEN, "submitted", EARLY)],
             Coverage(EARLY, 0, 1)),
            # What has not begun counts if it takes over without a gap, of the same standard.
            ([NINE], [held(NINE, "verified", LATE, AFTER_EARLY)], Coverage(None, 1, 0)),
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "submitted", LATE, AFTER_EARLY)], Coverage(LATE, 0, 1)),
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "submitted", LATE, AFTER_A_GAP)],
             Coverage(EARLY, 0, 0)),
            ([NINE, FOURTEEN], [held(NINE, "verified", EARLY), held(FOURTEEN, "verified", LATE, AFTER_EARLY)],
             Coverage(EARLY, 1, 0)),
        ],
    )  # fmt: skip
    def test_counts_each_required_standard_by_its_latest_certificate(self, required, certificates, expected):
        assert coverage_of(required, certificates, today=TODAY) == expected
        assert coverage_of(required, reversed(certificates), today=TODAY) == expected


class TestProof:
    @pytest.mark.parametrize(
        ("required", "certificates", "expected"),
        [
            ([], [], None),
            ([], [held(NINE, "submitted", LATE)], None),
            ([], [held(NINE, "verified", EARLY), held(FOURTEEN, "verified", LATE)], LATE),
            ([NINE], [], None),
            ([NINE], [held(FOURTEEN, "verified", LATE)], None),
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "submitted", LATE)], EARLY),
            ([NINE, FOURTEEN], [held(NINE, "verified", LATE), held(FOURTEEN, "verified", EARLY)], EARLY),
            ([NINE, FOURTEEN], [held(NINE, "verified", LATE), held(FOURTEEN, "submitted", EARLY)], None),
            ([NINE], [held(NINE, "verified", LATE, AFTER_EARLY)], None),
            ([], [held(NINE, "verified", LATE, AFTER_EARLY)], None),
            ([], [held(NINE, "verified", EARLY), held(FOURTEEN, "verified", LATE, AFTER_EARLY)], EARLY),
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "verified", LATE, AFTER_EARLY)], LATE),
            ([NINE], [held(NINE, "verified", EARLY), held(NINE, "verified", LATE, AFTER_A_GAP)], EARLY),
            # What takes over from an unverified one proves nothing before it begins.
            ([NINE], [held(NINE, "submitted", EARLY), held(NINE, "verified", LATE, AFTER_EARLY)], None),
        ],
    )
    def test_is_by_verified_certificates_alone(self, required, certificates, expected):
        assert proven_until(required, certificates, today=TODAY) == expected

    def test_comes_on_the_day_on_which_a_certificate_begins(self):
        certificates = [held(NINE, "verified", LATE, AFTER_EARLY)]

        kept = [kept_of([NINE], certificates, today=day) for day in (EARLY, AFTER_EARLY)]

        assert [(each["cert_missing"], each["cert_proven_until"]) for each in kept] == [(1, None), (0, LATE)]

    @pytest.mark.parametrize(
        ("declared", "proven", "expected"),
        [(None, None, False), (None, LATE, False), (LATE, None, True), (LATE, EARLY, True), (LATE, LATE, False),
         (EARLY, LATE, False)],
    )  # fmt: skip
    def test_is_missing_where_more_is_declared(self, declared, proven, expected):
        assert declared_not_proven(declared, proven) is expected
