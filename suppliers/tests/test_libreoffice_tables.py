"""
Tables as LibreOffice 7.4 saves them with its German and Italian settings: years of two digits, dots in numbers.

The files in `libreoffice/` came out of it, as CSV "as shown", and as XLSX.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from qhse.exchange.models import ImportMode, ImportStatus
from qhse.exchange.running import run_waiting
from qhse.exchange.services import preview_import, start_import
from suppliers.models import Supplier, SupplierVolume

pytestmark = pytest.mark.django_db

FILES = Path(__file__).with_name("libreoffice")


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["de", "it"])
def test_are_imported_as_they_are_meant(users, language, ending):
    for kind in ("suppliers", "volumes"):
        with (FILES / language / f"{kind}.{ending}").open("rb") as content:
            job = preview_import(
                kind=kind, name=f"{kind}.{ending}", content=content, mode=ImportMode.ALL_OR_NOTHING,
                actor=users["procurement"],
            )  # fmt: skip
        assert not job.not_ready
        start_import(import_id=job.pk, actor=job.created_by)
        run_waiting()
        job.refresh_from_db()
        assert (job.status, job.rows_new, job.rows_refused) == (ImportStatus.DONE, 2, 0)

    assert set(Supplier.objects.values_list("name", "country", "certification_expiry")) == {
        ("Müller & Söhne GmbH", "DE", date(2029, 6, 30)),
        ("Fonderia Città S.p.A.", "IT", date(2028, 1, 5)),
    }
    assert set(SupplierVolume.objects.values_list("supplier__name", "month", "received_qty", "defective_qty")) == {
        ("Fonderia Città S.p.A.", date(2026, 5, 1), 12_500, 3),
        ("Müller & Söhne GmbH", date(2026, 6, 1), 1_500, 1),
    }
