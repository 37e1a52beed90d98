"""
What was noted by former triggers is put right when the present ones come, and the former ones come back.

What was lost before belated movements were noted is found.
"""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from kpi.models import BelatedSum, SupplierMovement
from kpi.movements.summing import sum_next_day
from kpi.quality import quality_figures
from qhse import clock
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.services import override_risk

pytestmark = pytest.mark.django_db(transaction=True)
COLUMNS = "n, level, must_prove, missing, proven_until IS NULL"


def migrate(*name):
    """Migrate to this one, or to the last: others find the database as they need it."""
    call_command("migrate", "kpi", *name, verbosity=0, stdout=StringIO())


def noted(supplier):
    """Return the movements of a supplier, whichever columns they have."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM kpi_suppliermovement WHERE supplier_id = %s ORDER BY id", [supplier.pk])
        return [(n, level, bool(must), missing, bool(none)) for n, level, must, missing, none in cursor.fetchall()]


@pytest.fixture
def overridden(make_supplier, users):
    supplier = make_supplier(certification_expiry=clock.today() - timedelta(days=1))
    reassess_suppliers(supplier_ids=[supplier.pk])
    override_risk(
        supplier_id=supplier.pk, level="medium", reason="Audited", until=clock.today() + timedelta(days=9),
        actor=users["quality"],
    )  # fmt: skip
    return supplier


@pytest.fixture
def unassessed(make_supplier, make_certificate, users):
    """Approved, and its one certificate begins in a week."""
    supplier = make_supplier()
    Supplier.objects.filter(pk=supplier.pk).update(
        required_standards=["iso_9001"], status="approved", status_reason="x", status_at=clock.present(),
        status_by=users["admin"],
    )  # fmt: skip
    make_certificate(supplier_id=supplier.pk, valid_from=clock.today() + timedelta(days=7), verified=True)
    return supplier


def test_movements_say_after_it_what_is_shown_and_before_it_what_was_computed(overridden, unassessed, make_supplier):
    try:
        migrate("0002_note_movements")
        assert noted(overridden)[-1] == (1, "high", False, 0, True)
        assert noted(unassessed)[-1] == (1, "low", True, 1, False)
        Supplier.objects.filter(pk=unassessed.pk).update(criticality="A")
        assert noted(unassessed)[-2:] == [(-1, "low", True, 1, False), (1, "low", True, 1, False)]
        assert noted(make_supplier()) == [(1, "low", False, 0, True)]
    finally:
        migrate()

    assert noted(unassessed)[-2:] == [(-1, "low", True, 1, False), (1, "", True, 1, True)]
    found = quality_figures()
    assert {level: n for level, n in found.suppliers["by_level"].items() if n} == {"medium": 1}
    assert (found.suppliers["not_assessed"], found.suppliers["n"]) == (2, 3)
    assert found.certificates["suppliers_proven"] == 0
    reassess_suppliers(supplier_ids=[unassessed.pk])
    assert SupplierMovement.objects.latest("id").level == "medium"


def test_what_was_lost_on_a_day_that_had_been_summed_counts_after_it(make_nc, monkeypatch):
    supplier_id, tomorrow = make_nc().supplier_id, clock.today() + timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "today", lambda: tomorrow)
        assert sum_next_day() is True
    try:
        migrate("0004_movements_of_a_supplier_in_an_index")
        make_nc(supplier_id=supplier_id)
    finally:
        migrate()

    figures = quality_figures()
    assert (figures.open["n"], figures.repeats["n"], figures.pareto_supplier[0]["n"]) == (2, 2, 2)
    assert set(BelatedSum.objects.values_list("round_no", flat=True)) == {0}
    make_nc(supplier_id=supplier_id)
    assert quality_figures().open["n"] == 3
