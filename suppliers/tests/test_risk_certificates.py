"""C1: the worst of what is asked of a supplier, and what was declared beside what is proven."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from suppliers.risk import CertificateFigure, SupplierFigures, assess

TODAY = date(2026, 11, 23)


def certificate(days, status="verified", standard="iso_9001", begins=-900, pk=1):
    return CertificateFigure(pk, standard, status, TODAY + timedelta(days=begins), TODAY + timedelta(days=days))


def lines(*certificates, required=("iso_9001",), declared=None):
    expiry = None if declared is None else TODAY + timedelta(days=declared)
    subject = SupplierFigures(expiry, 0, 0, 0, required=required, certificates=certificates)
    return [line for line in assess(subject, today=TODAY).lines if line.code != "floor"]


def summed(*certificates, **more):
    return [(line.code, line.points) for line in lines(*certificates, **more)]


class TestOneStandard:
    @pytest.mark.parametrize(
        ("days", "status", "told"),
        [
            (365, "verified", []),
            (90, "verified", [("certificate_expiring", 3)]),
            (60, "verified", [("certificate_expiring", 6)]),
            (30, "verified", [("certificate_expiring", 12)]),
            (0, "verified", [("certificate_expiring", 12)]),
            (-1, "verified", [("certificate_expired", 20)]),
            (365, "submitted", [("certificate_unverified", 5)]),
            (45, "submitted", [("certificate_expiring", 11)]),
            (0, "submitted", [("certificate_expiring", 17)]),
            (-1, "submitted", [("certificate_expired", 20)]),
            (365, "rejected", [("certificate_missing", 20)]),
            (365, "withdrawn", [("certificate_missing", 20)]),
            (365, "superseded", [("certificate_missing", 20)]),
        ],
    )
    def test_counts_with_its_end_and_five_more_if_nobody_has_verified_it(self, days, status, told):
        assert summed(certificate(days, status)) == told

    def test_counts_with_the_certificate_that_speaks_best_for_it(self):
        assert summed(certificate(-300), certificate(20), certificate(200, "submitted")) == [
            ("certificate_unverified", 5)
        ]

    def test_a_renewal_that_takes_over_without_a_gap_counts_before_it_begins(self):
        assert summed(certificate(20), certificate(1100, begins=21)) == []

    def test_a_renewal_after_a_gap_does_not(self):
        assert summed(certificate(20), certificate(1100, begins=22)) == [("certificate_expiring", 12)]

    def test_one_that_has_not_begun_proves_nothing_by_itself(self):
        (line,) = lines(certificate(1100, begins=10))

        assert (line.code, line.detail) == (
            "certificate_missing",
            "ISO 9001 is required: the one that was handed in begins on 2026-12-03",
        )

    @pytest.mark.parametrize(
        ("certificates", "why"),
        [
            ((), "none is recorded"),
            ((certificate(300, "rejected"),), "the last one was rejected"),
            ((certificate(300, "withdrawn"),), "the last one was withdrawn"),
        ],
    )
    def test_that_is_missing_says_why(self, certificates, why):
        (line,) = lines(*certificates)

        assert line.detail == f"ISO 9001 is required: {why}"


class TestSeveral:
    def test_count_with_the_worst(self):
        given = (certificate(20), certificate(300, standard="iso_14001"))

        assert summed(*given, required=("iso_14001", "iso_9001")) == [("certificate_expiring", 12)]

    def test_a_certificate_that_nobody_asks_for_costs_nothing(self):
        assert summed(certificate(300), certificate(-5, standard="iso_45001")) == []

    @pytest.mark.parametrize(("declared", "code"), [(20, "certification_expiring"), (45, "certificate_expiring")])
    def test_the_declared_date_counts_if_it_is_worse(self, declared, code):
        line = lines(certificate(40), declared=declared)[0]

        assert line.code == code


class TestDeclaredAndProven:
    @pytest.mark.parametrize(
        ("declared", "certificates", "detail"),
        [
            (365, [certificate(365)], None),
            (365, [certificate(400)], None),  # it proves more than was declared
            (365, [certificate(200)], "Declared until 2027-11-23, proven until 2027-06-11"),
            (365, [certificate(365, "submitted")], "Declared until 2027-11-23, not proven"),
            (None, [certificate(365)], None),
        ],
    )
    def test_a_mismatch_is_a_line_without_points(self, declared, certificates, detail):
        told = [line for line in lines(*certificates, declared=declared) if line.code == "declared_not_proven"]

        assert [(line.detail, line.points) for line in told] == ([(detail, 0)] if detail else [])

    def test_proven_is_what_all_required_standards_prove(self):
        given = (certificate(300), certificate(200, standard="iso_14001"))

        (line,) = lines(*given, required=("iso_14001", "iso_9001"), declared=300)

        assert line.detail == "Declared until 2027-09-19, proven until 2027-06-11"

    def test_nothing_is_compared_where_nothing_is_required_or_handed_in(self):
        assert lines(required=(), declared=365) == []

    def test_without_required_standards_any_certificate_proves_it(self):
        assert lines(certificate(365), required=(), declared=365) == []
        assert [line.code for line in lines(certificate(300), required=(), declared=365)] == ["declared_not_proven"]
