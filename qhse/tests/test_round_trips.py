"""An export that is imported again as it is changes nothing, whatever stands in it."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.adminsite.tests.test_exports import links
from qhse.exchange.models import ImportStatus
from qhse.exchange.running import run_import
from qhse.exchange.services import preview_import, start_import
from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE
from qhse.text import LineRefused, one_line, plain
from suppliers.models import Supplier
from suppliers.services import merge_supplier, set_volume

pytestmark = pytest.mark.django_db

TEXTS = [
    "-5 Grad", "'-5 Grad", "=1+1", "'=1+1", "''=1+1", "+49 123", "@office", "'", "''", "'tis", "＝1", "'＋1", "－1",
    "\u3000=1", "'\u3000=1", "\u2212 5", "007", "0012", "1e5", "1E5x", "1.50", "12,5", "1.000", "TRUE", "false",
    "2026-05-01", "e\u0301cole", "x\u00a0y", "two  spaces", "a;b", "a,b", '"q"', "'\"q", "NULL", "#N/A", "0x10",
    "1_000", "sep=;", "SUP-00001", "١٢٣", "ﬁne", "Ⅳ", "-", "'-", "%", "[1]", "\ufeffx", "'\t=1", "'\n-5", "a\tb",
    "a\n\n=b",
    "'\r\n'", "-5 °C\n  = too cold\n", "a \n b",
]  # fmt: skip


LISTS = {
    "suppliers": "suppliers/supplier", "certificates": "suppliers/certificate", "volumes": "suppliers/suppliervolume",
    "cases": "ncs/nonconformity",
}  # fmt: skip


def is_line(text: str) -> bool:
    try:
        return bool(one_line(text))
    except LineRefused:
        return False


LINES = [text for text in TEXTS if is_line(text)]


@pytest.fixture
def suppliers(make_supplier: Any) -> str:
    for place, text in enumerate(LINES):
        more = {"required_standards": ["iso_9001", "iso_14001"], "country": "NO"} if place % 2 else {}
        make_supplier(name=f"{text} Works {place}", external_ref=f"{text[:20]}{place}", contact_name=text, **more)
    return "suppliers"


@pytest.fixture
def certificates(make_supplier: Any, make_certificate: Any) -> str:
    supplier = make_supplier(name="-5 Grad GmbH").pk
    for place, text in enumerate(LINES):
        more = {"edition": "2015", "accreditation_body": text} if place % 2 else {"standard": "other"}
        make_certificate(
            supplier_id=supplier, number=f"{text} {place}", issuer=f"{text} TÜV", scope=text,
            sites=TEXTS[-place], verified=not place % 3, **more,
        )  # fmt: skip
    return "certificates"


@pytest.fixture
def cases(make_supplier: Any, make_nc: Any) -> str:
    supplier = make_supplier().pk
    for place, text in enumerate(TEXTS):
        more = {"qty_received": 1000, "qty_defective": 0} if place % 2 else {"category": "dimension"}
        line = text if is_line(text) else ""
        make_nc(
            supplier_id=supplier, description=f"{plain(text)}\n={place}" if place % 2 else text, part_no=line,
            lot_no=f"00{place}", po_ref=line, **more,
        )  # fmt: skip
    return "cases"


@pytest.fixture
def volumes(make_supplier: Any, users: dict[str, User]) -> str:
    """Months of three suppliers, two of which are the same one: what the merger has emptied is nobody's any more."""
    one, twice, other = make_supplier(), make_supplier(), make_supplier()
    for supplier, months in ((one, (4, 5)), (twice, (5, 6)), (other, (5,))):
        for month in months:
            set_volume(
                supplier_id=supplier.pk, month=date(2026, month, 1), received_qty=12_000, defective_qty=9,
                actor=users["admin"],
            )  # fmt: skip
    merge_supplier(supplier_id=twice.pk, into_id=one.pk, actor=users["admin"], reason="Recorded twice")
    return "volumes"


def exported(client: Any, kind: str, form: str) -> bytes:
    path = "/ncs" if kind == "cases" else f"/{kind}"
    return b"".join(client.get(path, HTTP_ACCEPT=form))


def with_codes(content: bytes) -> bytes:
    """Return a CSV of cases in which each row names its supplier, as an import wants it. Other cells stay."""
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    code_of = {str(each.pk): each.code for each in Supplier.objects.all()}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*rows[0], "supplier"])
    writer.writeheader()
    writer.writerows(row | {"supplier": code_of[row["supplier_id"]]} for row in rows)
    return out.getvalue().encode()


def imported(kind: str, name: str, content: bytes, actor: User) -> Any:
    job = preview_import(kind=kind, name=name, content=io.BytesIO(content), mode="all_or_nothing", actor=actor)
    assert job.not_ready == ""  # nobody has to say which column is meant
    assert (job.problems, job.foreseen_new, job.foreseen_known) == ([], 0, job.rows_total)
    start_import(import_id=job.pk, actor=actor)
    run_import(job.pk)
    job.refresh_from_db()
    return job


class TestARoundTrip:
    @pytest.mark.parametrize("kind", ["suppliers", "certificates", "cases"])
    def test_as_csv_changes_nothing(self, kind, api, users, request):
        request.getfixturevalue(kind)
        content = exported(api("admin"), kind, CSV_TYPE)
        events = OutboxEvent.objects.count()

        job = imported(kind, "again.csv", with_codes(content) if kind == "cases" else content, users["admin"])

        trail = AuditEntry.objects.exclude(entity_type__in=["import", "export"]).filter(source="worker")
        assert [(entry.action, entry.changes) for entry in trail] == []
        assert (job.status, job.rows_same, job.problems) == (ImportStatus.DONE, job.rows_total, [])
        assert OutboxEvent.objects.count() == events

    def test_as_a_workbook_changes_nothing(self, suppliers, api, users):
        job = imported(suppliers, "again.xlsx", exported(api("admin"), suppliers, XLSX_TYPE), users["admin"])

        assert (job.status, job.rows_same, job.problems) == (ImportStatus.DONE, job.rows_total, [])

    @pytest.mark.parametrize("label", ["Export CSV", "Export Excel"])
    @pytest.mark.parametrize("kind", LISTS)
    def test_of_a_list_of_the_admin_site_changes_nothing_though_it_shows_texts_shortened(
        self, kind, label, client, make_nc, users, request
    ):
        request.getfixturevalue(kind)
        make_nc(description="Bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm. " * 4)
        client.force_login(users["admin"])
        page = client.get(f"/admin/{LISTS[kind]}/")
        content = b"".join(client.get(links(page)[label]))
        name = "again.csv" if label == "Export CSV" else "again.xlsx"

        job = imported(kind, name, content, users["admin"])

        assert (job.status, job.rows_same, job.problems) == (ImportStatus.DONE, job.rows_total, [])
