"""An export that is imported again as it is changes nothing, whatever stands in it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.adminsite.tests.test_exports import links
from qhse.exchange.models import ImportStatus
from qhse.exchange.running import run_import
from qhse.exchange.services import change_import, preview_import, start_import
from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE
from qhse.text import LineRefused, one_line, plain
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

TEXTS = [
    "-5 Grad", "'-5 Grad", "=1+1", "'=1+1", "''=1+1", "+49 123", "@office", "'", "''", "'tis", "＝1", "'＋1", "－1",
    "\u3000=1", "'\u3000=1", "\u2212 5", "007", "0012", "1e5", "1E5x", "1.50", "12,5", "1.000", "TRUE", "false",
    "2026-05-01", "e\u0301cole", "x\u00a0y", "two  spaces", "a;b", "a,b", '"q"', "'\"q", "NULL", "#N/A", "0x10",
    "1_000", "sep=;", "SUP-00001", "١٢٣", "ﬁne", "Ⅳ", "-", "'-", "%", "[1]", "\ufeffx", "'\t=1", "'\n-5", "a\tb",
    "a\n\n=b",
    "'\r\n'", "-5 °C\n  = too cold\n", "a \n b",
]  # fmt: skip


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


def stored_of(column: dict[str, Any], doubled: dict[str, list[str]]) -> str | None:
    """Return the field of a column that several mean, if it is the last of them."""
    name = column.get("doubled")
    return name if name is not None and column["header"] == doubled[name][-1] else None


def imported(kind: str, name: str, content: bytes, actor: User) -> Any:
    job = preview_import(kind=kind, name=name, content=io.BytesIO(content), mode="all_or_nothing", actor=actor)
    if doubled := job.doubled_columns:  # what a list shows and what is stored: a person says which
        fields = [each["field"] or stored_of(each, doubled) for each in job.columns]
        job = change_import(import_id=job.pk, columns=fields, actor=actor)
        job.refresh_from_db()
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
    @pytest.mark.parametrize("kind", ["suppliers", "cases"])
    def test_of_a_list_of_the_admin_site_changes_nothing_though_it_shows_texts_shortened(
        self, kind, label, client, make_nc, users, request
    ):
        request.getfixturevalue(kind)
        make_nc(description="Bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm. " * 4)
        client.force_login(users["admin"])
        page = client.get("/admin/ncs/nonconformity/" if kind == "cases" else "/admin/suppliers/supplier/")
        content = b"".join(client.get(links(page)[label]))
        name = "again.csv" if label == "Export CSV" else "again.xlsx"

        job = imported(kind, name, content, users["admin"])

        assert (job.status, job.rows_same, job.problems) == (ImportStatus.DONE, job.rows_total, [])
