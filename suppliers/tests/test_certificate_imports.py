"""Certificates from tables: which are new, which are corrected, and what stays as it was decided."""

from __future__ import annotations

import io
from datetime import date

import pytest

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from qhse.exchange.checking import check_rows, matched
from qhse.exchange.models import ImportMode, ImportStatus
from qhse.exchange.registry import Outcome, kind_of
from qhse.exchange.running import run_waiting
from qhse.exchange.services import preview_import, start_import
from qhse.exchange.tables import Row
from qhse.exchange.values import CellRefused
from suppliers.errors import SupplierIsUnknown
from suppliers.imports.certificates import COLUMNS, read_standard
from suppliers.models import Certificate
from suppliers.services import reject_certificate, verify_certificate

HEADER = "Lieferant;Norm;Zertifikatsnummer;Zertifizierungsstelle;Gültig ab;Gültig bis;Geltungsbereich"
ROW = "Hansa Forge GmbH;DIN EN ISO 9001:2015;QM-4711;Ticino Register;01.07.2026;30.06.2029;Schmiedeteile"

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(make_supplier):
    return make_supplier(name="Hansa Forge GmbH")


@pytest.fixture
def imported(users):
    """Check a table of these rows, and import it by procurement."""

    def run(*rows, mode=ImportMode.GOOD_ROWS):
        content = io.BytesIO("\n".join([HEADER, *rows]).encode())
        job = preview_import(
            kind="certificates", name="certificates.csv", content=content, mode=mode, actor=users["procurement"]
        )
        if job.not_ready:
            return job
        start_import(import_id=job.pk, actor=job.created_by)
        run_waiting()
        job.refresh_from_db()
        return job

    return run


def counts(job):
    return job.rows_new, job.rows_changed, job.rows_same, job.rows_refused


@pytest.mark.parametrize("mode", ImportMode)
def test_a_new_one_is_handed_in_with_entry_event_and_counts_in_the_name_of_who_imports(imported, supplier, mode):
    job = imported(ROW, mode=mode)

    assert (counts(job), job.status) == ((1, 0, 0, 0), ImportStatus.DONE)
    certificate = Certificate.objects.get()
    assert (certificate.standard, certificate.edition, certificate.number) == ("iso_9001", "2015", "QM-4711")
    assert (certificate.valid_from, certificate.valid_to) == (date(2026, 7, 1), date(2029, 6, 30))
    assert (certificate.status, certificate.submitted_by.username) == ("submitted", "procurement")
    entry = AuditEntry.objects.get(action="CERTIFICATE_SUBMITTED")
    assert (entry.actor, entry.source, entry.entity_id) == ("procurement", "worker", str(certificate.pk))
    assert OutboxEvent.objects.filter(event_type="CERTIFICATE_SUBMITTED").count() == 1


def test_the_same_file_again_changes_nothing_whatever_was_decided_meanwhile(imported, supplier, users):
    imported(ROW, ROW.replace("9001:2015", "45001:2018"), ROW.replace("9001", "14001"))
    verified, rejected, _ = Certificate.objects.order_by("id")
    verify_certificate(certificate_id=verified.pk, method="register", actor=users["quality"])
    reject_certificate(certificate_id=rejected.pk, reason="Not theirs", actor=users["quality"])
    events = OutboxEvent.objects.count()

    job = imported(ROW, ROW.replace("9001:2015", "45001:2018"), ROW.replace("9001", "14001"))

    assert (counts(job), Certificate.objects.count()) == ((0, 0, 3, 0), 3)
    assert OutboxEvent.objects.count() == events


def test_one_that_nobody_has_verified_is_corrected_with_the_import_as_its_reason(imported, supplier):
    imported(ROW)

    job = imported(ROW.replace("30.06.2029", "30.06.2028").replace(";Schmiedeteile", ";"))

    certificate = Certificate.objects.get()
    assert counts(job) == (0, 1, 0, 0)
    assert (certificate.valid_to, certificate.scope) == (date(2028, 6, 30), "Schmiedeteile")
    entry = AuditEntry.objects.get(action="CERTIFICATE_CORRECTED")
    assert entry.reason == f"Import {job.pk}: certificates.csv"


def test_of_a_verified_one_another_value_is_an_error_of_the_row_and_stores_nothing(imported, supplier, users):
    imported(ROW)
    verify_certificate(certificate_id=Certificate.objects.get().pk, method="register", actor=users["quality"])

    job = imported(ROW.replace("30.06.2029", "30.06.2028"), ROW.replace("9001", "14001"))

    assert (counts(job), job.foreseen_bad) == ((1, 0, 0, 1), 1)
    assert [(each["row"], each["column"], each["code"]) for each in job.problems] == [
        (2, "Gültig bis", "forbidden_move")
    ]
    assert Certificate.objects.get(standard="iso_9001").valid_to == date(2029, 6, 30)


def test_what_was_rejected_is_handed_in_anew_once_the_row_says_something_else(imported, supplier, users):
    imported(ROW)
    reject_certificate(certificate_id=Certificate.objects.get().pk, reason="Wrong scope", actor=users["quality"])

    job = imported(ROW.replace("Schmiedeteile", "Gussteile"))

    assert counts(job) == (1, 0, 0, 0)
    assert list(Certificate.objects.order_by("id").values_list("status", "scope")) == [
        ("rejected", "Schmiedeteile"),
        ("submitted", "Gussteile"),
    ]


def test_what_cannot_be_is_an_error_beside_its_column(imported, supplier, make_supplier):
    job = imported(
        ROW.replace("30.06.2029", "30.06.2026"),
        ROW.replace("Hansa Forge", "Nobody"),
        ROW.replace("ISO 9001:2015", "ISO 9999"),
        ROW.replace(";QM-4711;", ";;"),
        ROW.replace("01.07.2026", "01.07.1066"),
    )

    assert [(each["row"], each["column"], each["code"]) for each in job.problems] == [
        (2, "Gültig bis", "invalid_certificate"),
        (3, "Lieferant", SupplierIsUnknown.code),
        (4, "Norm", "unreadable"),
        (5, "Zertifikatsnummer", "required"),
        (6, "Gültig ab", "invalid_certificate"),
    ]
    assert not Certificate.objects.exists()


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("ISO 9001:2015", ("iso_9001", "2015")), ("DIN EN ISO 14001 : 2015", ("iso_14001", "2015")),
        ("UNI EN ISO 45001-2018", ("iso_45001", "2018")), ("ISO/IEC 27001:2022", ("iso_27001", "2022")),
        ("iso27001", ("iso_27001", "")), ("IATF 16949", ("iatf_16949", "")), ("EN 9100:2018", ("as_9100", "2018")),
        ("ISO-9001", ("iso_9001", "")), ("as_9100", ("as_9100", "")),
    ],
)  # fmt: skip
def test_a_standard_is_known_by_its_names_and_may_bring_its_edition(cell, means):
    assert read_standard(cell) == means


def test_a_standard_that_nobody_knows_is_refused():
    with pytest.raises(CellRefused, match="iso_9001"):
        read_standard("ISO 9999:2015")


def test_two_editions_in_one_row_are_refused(supplier):
    kind = kind_of("certificates")
    header = ["Supplier", "Standard", "Edition", "Number", "Issued by", "Valid from", "Valid to"]
    cells = [supplier.code, "ISO 9001:2015", "2008", "1", "Ticino Register", "2026-07-01", "2029-06-30"]

    found = check_rows(kind, matched(kind, header), [Row(2, cells)])

    assert [(each["field"], each["code"]) for each in found.problems] == [("edition", "invalid_certificate")]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_an_example_is_what_its_column_reads(column):
    assert column.example == "" or column.read(column.example) is not None


def test_what_a_row_would_do_is_what_it_does(supplier, imported):
    imported(ROW)
    kind = kind_of("certificates")
    values = {
        "supplier": supplier.code, "standard": ("iso_9001", "2015"), "number": "QM-4711", "issuer": "Ticino Register",
        "valid_from": date(2026, 7, 1), "valid_to": date(2029, 6, 30),
    }  # fmt: skip

    assert kind.foresee([values, values | {"number": "QM-4712"}]) == [Outcome.CHANGED, Outcome.NEW]
