"""What certificates prove of what is required: tables of examples."""

from __future__ import annotations

from datetime import date

import pytest

from suppliers.coverage import Coverage, coverage_of, declared_not_proven, proven_until

EARLY, LATE = date(2027, 6, 30), date(2029, 6, 30)
NINE, FOURTEEN = "iso_9001", "iso_14001"


class TestCoverage:
    @pytest.mark.parametrize(
        ("required", "certificates", "expected"),
        [
            ([], [(NINE, "verified", LATE)], Coverage(None, 0, 0)),
            ([NINE], [], Coverage(None, 1, 0)),
            ([NINE, FOURTEEN], [(NINE, "verified", LATE)], Coverage(LATE, 1, 0)),
            ([NINE], [(FOURTEEN, "verified", LATE)], Coverage(None, 1, 0)),
            ([NINE], [(NINE, "submitted", LATE)], Coverage(LATE, 0, 1)),
            # Of several the one with the latest end counts, verified or not.
            ([NINE], [(NINE, "verified", EARLY), (NINE, "submitted", LATE)], Coverage(LATE, 0, 1)),
            ([NINE], [(NINE, "submitted", EARLY), (NINE, "verified", LATE)], Coverage(LATE, 0, 0)),
            ([NINE], [(NINE, "verified", LATE), (NINE, "submitted", LATE)], Coverage(LATE, 0, 0)),
            # Of the standards the one that ends first.
            ([NINE, FOURTEEN], [(NINE, "verified", LATE), (FOURTEEN, "submitted", EARLY)], Coverage(EARLY, 0, 1)),
        ],
    )
    def test_counts_each_required_standard_by_its_latest_certificate(self, required, certificates, expected):
        assert coverage_of(required, certificates) == expected
        assert coverage_of(required, reversed(certificates)) == expected


class TestProof:
    @pytest.mark.parametrize(
        ("required", "certificates", "expected"),
        [
            ([], [], None),
            ([], [(NINE, "submitted", LATE)], None),
            ([], [(NINE, "verified", EARLY), (FOURTEEN, "verified", LATE)], LATE),
            ([NINE], [], None),
            ([NINE], [(FOURTEEN, "verified", LATE)], None),
            ([NINE], [(NINE, "verified", EARLY), (NINE, "submitted", LATE)], EARLY),
            ([NINE, FOURTEEN], [(NINE, "verified", LATE), (FOURTEEN, "verified", EARLY)], EARLY),
            ([NINE, FOURTEEN], [(NINE, "verified", LATE), (FOURTEEN, "submitted", EARLY)], None),
        ],
    )
    def test_is_by_verified_certificates_alone(self, required, certificates, expected):
        assert proven_until(required, certificates) == expected

    @pytest.mark.parametrize(
        ("declared", "proven", "expected"),
        [(None, None, False), (None, LATE, False), (LATE, None, True), (LATE, EARLY, True), (LATE, LATE, False),
         (EARLY, LATE, False)],
    )  # fmt: skip
    def test_is_missing_where_more_is_declared(self, declared, proven, expected):
        assert declared_not_proven(declared, proven) is expected
