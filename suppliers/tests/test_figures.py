"""What the rule looks at, gathered from the tables of suppliers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from suppliers.figures import figures_of, months_before, provides_case_figures
from suppliers.models import Certificate, RiskAssessment, Supplier, SupplierVolume

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)


def figures(supplier, today=TODAY):
    return figures_of([Supplier.objects.get(pk=supplier.pk)], today=today)[supplier.pk]


@pytest.fixture
def certificate(users):
    def make(supplier, number="1", **more):
        values = {"valid_from": TODAY - timedelta(days=900), "valid_to": TODAY + timedelta(days=100)} | more
        return Certificate.objects.create(
            supplier=supplier, standard="iso_9001", number=number, issuer="TÜV", submitted_by=users["procurement"],
            **values,
        )  # fmt: skip

    return make


class TestVolumes:
    @pytest.mark.parametrize(
        ("today", "months"),
        [
            (date(2026, 11, 23), [(2026, 10), (2026, 9), (2026, 8)]),
            (date(2026, 1, 1), [(2025, 12), (2025, 11), (2025, 10)]),
            (date(2026, 3, 31), [(2026, 2), (2026, 1), (2025, 12)]),
        ],
    )
    def test_are_of_the_last_three_full_months(self, today, months):
        assert [(month.year, month.month) for month in months_before(today)] == months

    def test_are_added_up_and_named(self, make_supplier):
        supplier = make_supplier()
        made = [
            SupplierVolume.objects.create(
                supplier=supplier, month=date(2026, month, 1), received_qty=1000, defective_qty=month
            )
            for month in (7, 8, 9, 10, 11)
        ]

        found = figures(supplier).volumes

        assert (found.received, found.defective, found.ppm) == (3000, 27, 9000)
        assert sorted(found.months) == [row.pk for row in made[1:4]]


class TestCertificates:
    def test_are_those_of_the_supplier_whatever_their_status(self, make_supplier, certificate):
        supplier, other = make_supplier(), make_supplier()
        mine = certificate(supplier)
        certificate(other)

        (found,) = figures(supplier).certificates

        assert (found.id, found.standard, found.status, found.valid_to) == (
            mine.pk, "iso_9001", "submitted", mine.valid_to,
        )  # fmt: skip

    def test_are_measured_by_the_required_standards(self, make_supplier):
        supplier = make_supplier()
        Supplier.objects.update(required_standards=["iso_14001", "iso_9001"])

        assert figures(supplier).required == ("iso_14001", "iso_9001")


def test_many_suppliers_cost_as_many_queries_as_one(make_supplier):
    for _ in range(5):
        make_supplier()
    suppliers = list(Supplier.objects.all())

    counted = []
    for some in (suppliers[:1], suppliers):
        with CaptureQueriesContext(connection) as asked:
            figures_of(some, today=TODAY)
        counted.append(len(asked))

    assert counted == [4, 4]


def test_the_target_is_that_of_the_site(make_supplier, settings):
    settings.RISK_PPM_TARGET = 77

    assert figures(make_supplier()).ppm_target == 77


def test_only_one_app_may_say_what_cases_there_are():
    with pytest.raises(ValueError, match=r"ncs\.risk_figures"):
        provides_case_figures(lambda ids, today: {})


@pytest.mark.parametrize(
    "change", ["UPDATE suppliers_riskassessment SET score = 1", "DELETE FROM suppliers_riskassessment"]
)
def test_the_database_itself_keeps_what_was_concluded(make_supplier, drain, change):
    make_supplier()
    drain()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert RiskAssessment.objects.get().score == 0
