"""Checking a file, setting an import up anew, starting and cancelling it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from audit.models import AuditEntry
from qhse import clock
from qhse.errors import InvalidInput, RecordHasChanged
from qhse.exchange import services
from qhse.exchange.checking import MOST_PROBLEMS, read_row
from qhse.exchange.errors import (
    ColumnsDoNotFit,
    ImportHasStarted,
    ImportIsNotReady,
    ImportNotFound,
    KindIsUnknown,
    TableIsRefused,
)
from qhse.exchange.models import ImportJob, ImportPiece, ImportStatus
from qhse.exchange.registry import kind_of
from qhse.exchange.services import cancel_import, change_import, forget_previews, rows_of, start_import
from qhse.exchange.tests.conftest import suppliers_csv
from qhse.exchange.tests.files import Raw, Serial, from_1904, xlsx
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def fields(job):
    return [each["field"] for each in job.columns]


class TestPreview:
    def test_finds_the_columns_and_what_each_row_would_do_and_stores_no_record(self, preview, make_supplier):
        make_supplier(name="Firma 1 GmbH")
        before = Supplier.objects.count()

        job = preview(suppliers_csv(4, bad=(2,)))

        assert fields(job) == ["name", "external_ref", "country", "certification_expiry"]
        assert (job.foreseen_new, job.foreseen_known, job.foreseen_bad, job.rows_total) == (2, 1, 1, 4)
        assert (job.status, Supplier.objects.count()) == (ImportStatus.PREVIEWED, before)
        assert job.problems == [
            {
                "row": 4,
                "column": "Zertifikat gültig bis",
                "field": "certification_expiry",
                "code": "unreadable",
                "detail": "There is no such day as '32.12.2027'.",
            }
        ]

    @pytest.mark.parametrize(
        "header",
        [
            "Name;External reference;Country;Certified until",
            "Firmenname;Lieferanten-Nr.;Land;Gueltig bis",
            "Ragione sociale;Codice fornitore;Paese;Scadenza certificato",
            "Raison sociale;Numéro fournisseur;Pays;Certifié jusqu'au",
        ],
    )
    def test_knows_the_headers_of_four_languages(self, preview, header):
        job = preview((header + "\nHansa;1;IT;2027-12-31").encode())

        assert fields(job) == ["name", "external_ref", "country", "certification_expiry"]
        assert job.foreseen_new == 1

    def test_finds_the_row_of_names_below_a_title(self, preview):
        job = preview(b"Suppliers of plant 2\n\nName;Country\nHansa;DE\n")

        assert (fields(job), job.rows_total) == (["name", "country"], 1)

    @pytest.mark.parametrize(
        ("head", "says"),
        [
            ("Name;Country;Supplier", "'Name' and 'Supplier' can all mean name."),
            ("Name;Name;Supplier", "'Name' and 'Name' and 'Supplier' can all mean name."),
            ("Name;Land;Country", "'Land' and 'Country' can all mean country."),
        ],
    )
    def test_of_columns_that_mean_the_same_none_counts_until_a_person_says_which(self, preview, users, head, says):
        job = preview(f"{head}\nHansa;x;y\n".encode())

        assert says in job.not_ready
        with pytest.raises(ImportIsNotReady, match="can all mean"):
            start_import(import_id=job.pk, actor=users["procurement"])

        chosen = change_import(import_id=job.pk, columns=["name", None, None], actor=users["procurement"])
        assert (chosen.not_ready, fields(chosen), chosen.foreseen_new) == ("", ["name", None, None], 1)

    def test_that_no_column_of_several_is_meant_can_be_said_too(self, preview, users):
        job = preview(b"Name;Land;Country\nHansa;x;y\n")

        assert change_import(import_id=job.pk, columns=fields(job), actor=users["procurement"]).not_ready == ""

    def test_errors_are_in_the_order_of_rows_and_then_of_columns(self, preview):
        rows = ["A;;", "Rossi;;no mail", "A;;", "Weser;32.12.2027;", ";;"]
        lines = ["E-mail;Certified until;Name", *(";".join(row.split(";")[::-1]) for row in rows)]
        job = preview("\n".join([*lines, "no;31.13.2027;A\u200bB"]).encode())

        assert [(each["row"], each["column"]) for each in job.problems] == [
            (3, "E-mail"), (4, ""), (5, "Certified until"), (7, "Certified until"), (7, "Name"),
        ]  # fmt: skip

    def test_a_number_is_a_day_as_the_workbook_counts_days(self, preview, users):
        rows = [["Name", "Certified until"], ["Hansa", 44_925], ["Rossi", Serial(44_925)]]
        for content, year in ((xlsx(rows), 2022), (from_1904(xlsx(rows)), 2026)):
            job = preview(content, name="a.xlsx")
            read = [read_row(kind_of("suppliers"), job.columns, row)[0] for row in rows_of(job)]

            assert [values["certification_expiry"].year for values in read] == [year, year]
            again = change_import(import_id=job.pk, columns=["name", None], actor=users["procurement"])
            again = change_import(
                import_id=job.pk, columns=["name", "certification_expiry"], actor=users["procurement"]
            )
            assert again.columns == job.columns

    def test_a_cell_that_has_content_and_no_value_is_an_error_of_its_row(self, preview):
        error, formula = Raw(' t="e"><v>#N/A</v>'), Raw("><f>1+2</f>")
        rows = [["Name", "Certified until", "Country", "Wer"], ["Hansa", error, formula, error], [error, "", "DE", ""]]

        job = preview(xlsx(rows), name="a.xlsx")

        shown = "Excel shows #N/A here. Correct the cell, or empty it."
        never = "Was never computed. Open the file in Excel, and save it."
        assert [(each["row"], each["field"], each["detail"]) for each in job.problems] == [
            (2, "certification_expiry", shown), (2, "country", never), (3, "name", shown),
        ]  # fmt: skip

    def test_a_row_that_repeats_another_one_is_an_error(self, preview):
        job = preview(b"Name;Country\nHansa;DE\nHANSA;IT\n")

        assert [(each["row"], each["code"]) for each in job.problems] == [(3, "repeated_row")]

    @pytest.mark.parametrize("kind", ["volumes", "cases"])
    def test_a_row_about_the_same_supplier_by_another_name_repeats_it(self, preview, make_supplier, users, kind):
        supplier = make_supplier(name="Hansa Forge GmbH", external_ref="70012345")
        names = (supplier.code, "HANSA forge GmbH", "70012345")
        if kind == "volumes":
            rows = [f"{name};2026-09;{number}000;1" for number, name in enumerate(names, 1)]
            content = "\n".join(["Supplier;Month;Received;Defective", *rows])
        else:
            content = "\n".join(["Supplier;Severity;Description", *(f"{name};low;Burrs" for name in names)])

        job = preview(content.encode(), kind=kind, actor=users["admin"])

        assert [(each["row"], each["code"]) for each in job.problems] == [(3, "repeated_row"), (4, "repeated_row")]

    def test_rows_that_call_one_supplier_by_name_code_and_reference_repeat_it(self, preview, make_supplier):
        supplier = make_supplier(name="Hansa Forge GmbH", external_ref="70012345")
        lines = (f"{supplier.code};;;DE", ";Hansa Forge GmbH;;FR", ";;70012345;IT", ";New GmbH;9;DE", ";New GmbH;;FR")

        job = preview("\n".join(["Code;Name;Reference;Country", *lines]).encode())

        assert [each["row"] for each in job.problems if each["code"] == "repeated_row"] == [3, 4, 6]

    def test_the_number_of_another_systems_case_is_none_of_ours(self, preview, make_nc, users):
        nc = make_nc()
        foreign = nc.number.replace(str(nc.created_at.year), "1999")
        rows = "\n".join(f"{number};{nc.supplier.code};high;Other text" for number in (foreign, nc.number))

        job = preview(f"Number;Supplier;Severity;Description\n{rows}".encode(), kind="cases", actor=users["quality"])

        assert [(each["row"], each["field"]) for each in job.problems] == [(2, "number")]

    def test_a_day_that_could_be_two_is_refused_where_another_has_its_month_first(self, preview):
        job = preview(b"Name;Certified until\nA;12/31/2027\nB;07/10/2027\nC;2027-10-07\n")

        assert [each["row"] for each in job.problems] == [2, 3]
        assert job.columns[1]["month_first"] is True
        assert preview(b"Name;Certified until\nB;07/10/2027\n").foreseen_bad == 0

    def test_what_a_service_would_refuse_is_found_by_the_check(self, preview):
        job = preview("Name;Certified until;E-mail\nA\u200bB;;\nHansa;1970-01-01;\nRossi;;no mail\n".encode())

        assert [each["field"] for each in job.problems] == ["name", "certification_expiry", "contact_email"]

    def test_errors_are_kept_up_to_a_bound_and_counted_beyond(self, preview):
        job = preview(suppliers_csv(MOST_PROBLEMS + 5, bad=tuple(range(MOST_PROBLEMS + 5))))

        assert (len(job.problems), job.problems_in_all) == (MOST_PROBLEMS, MOST_PROBLEMS + 5)

    def test_leaves_one_entry_with_the_digest_of_the_file(self, preview):
        job = preview()

        entry = AuditEntry.objects.get(action="IMPORT_PREVIEWED")
        assert (entry.entity_type, entry.entity_id, entry.actor) == ("import", str(job.pk), "procurement")
        assert entry.changes["sha256"] == [None, job.sha256]

    def test_an_unknown_kind_or_mode_and_a_table_without_rows_are_refused(self, preview):
        with pytest.raises(KindIsUnknown):
            preview(kind="people")
        with pytest.raises(InvalidInput):
            preview(mode="some")
        with pytest.raises(TableIsRefused):
            preview(b"Name;Country\n")
        assert not ImportJob.objects.exists()


class TestChange:
    def test_another_assignment_checks_all_rows_again(self, preview, users):
        job = preview(b"Wer;Land\nHansa;DE\nRossi;IT\n")
        assert job.missing_columns == ["name or code or external_ref"]

        job = change_import(import_id=job.pk, columns=["name", "country"], actor=users["procurement"])

        assert (job.foreseen_new, job.not_ready, job.version) == (2, "", 2)
        assert AuditEntry.objects.get(action="IMPORT_CHANGED").changes["import_columns"] == [
            "–, country",
            "name, country",
        ]

    def test_the_same_again_stores_nothing(self, preview, users):
        job = preview()

        again = change_import(import_id=job.pk, columns=fields(job), mode=job.mode, actor=users["procurement"])

        assert again.version == 1
        assert not AuditEntry.objects.filter(action="IMPORT_CHANGED").exists()

    @pytest.mark.parametrize("columns", [["name"], ["name", "name", None, None], ["nobody", None, None, None]])
    def test_an_assignment_that_does_not_fit_is_refused(self, preview, users, columns):
        job = preview()
        with pytest.raises(ColumnsDoNotFit):
            change_import(import_id=job.pk, columns=columns, actor=users["procurement"])


class TestStart:
    def test_stores_who_and_an_entry(self, preview, users):
        job = start_import(import_id=preview().pk, actor=users["admin"])

        assert (job.status, job.started_by) == (ImportStatus.RUNNING, users["admin"])
        assert AuditEntry.objects.get(action="IMPORT_STARTED").actor == "admin"

    def test_once_more_changes_nothing(self, started, users):
        job = started()

        assert start_import(import_id=job.pk, actor=users["admin"]).started_by == users["procurement"]
        assert AuditEntry.objects.filter(action="IMPORT_STARTED").count() == 1

    def test_says_what_is_missing(self, preview, users):
        for content, why in (
            (b"Wer;Land\nHansa;DE\n", "No column"),
            (suppliers_csv(2, bad=(0, 1)), "every one has an error"),
            (suppliers_csv(2, bad=(0,)), "1 row has an error"),
        ):
            with pytest.raises(ImportIsNotReady, match=why):
                start_import(import_id=preview(content).pk, actor=users["admin"])

    def test_an_unknown_one_a_stale_one_and_one_that_has_ended_are_refused(self, preview, users):
        job = preview()
        with pytest.raises(ImportNotFound):
            start_import(import_id=job.pk + 1, actor=users["admin"])
        with pytest.raises(RecordHasChanged):
            start_import(import_id=job.pk, actor=users["admin"], expected_versions={7})
        cancel_import(import_id=job.pk, actor=users["admin"])
        with pytest.raises(ImportHasStarted):
            start_import(import_id=job.pk, actor=users["admin"])


class TestCancel:
    def test_lets_go_of_the_rows(self, preview, users):
        job = cancel_import(import_id=preview().pk, actor=users["procurement"])

        assert (job.status, ImportPiece.objects.count()) == (ImportStatus.CANCELLED, 0)
        assert cancel_import(import_id=job.pk, actor=users["procurement"]).version == job.version

    def test_a_preview_that_nobody_starts_is_forgotten(self, preview):
        old, young = preview(), preview()
        ImportJob.objects.filter(pk=old.pk).update(created_at=clock.present() - timedelta(days=8))

        assert (forget_previews(), forget_previews()) == (1, 0)
        assert set(ImportJob.objects.filter(status=ImportStatus.CANCELLED)) == {old}
        assert young.pieces.exists()
        assert AuditEntry.objects.get(action="IMPORT_CANCELLED").actor == "system"

    def test_a_preview_of_a_clock_that_was_far_ahead_is_not_kept_until_then(self, preview):
        ahead = preview()
        ImportJob.objects.filter(pk=ahead.pk).update(created_at=clock.present() + timedelta(days=400))

        assert forget_previews() == 1

    def test_a_preview_that_somebody_ends_meanwhile_keeps_no_other_from_being_forgotten(self, preview, monkeypatch):
        ids = [preview().pk for _ in range(3)]
        ImportJob.objects.update(created_at=clock.present() - timedelta(days=8))
        monkeypatch.setattr(services, "_unstarted", lambda: ids)
        ImportJob.objects.filter(pk=ids[1]).update(status=ImportStatus.DONE)

        assert forget_previews() == 2
        assert set(ImportJob.objects.filter(status=ImportStatus.CANCELLED).values_list("pk", flat=True)) == {*ids[::2]}


def test_a_supplier_of_the_file_is_what_the_file_says(started):
    from qhse.exchange.running import run_waiting

    started("Name;Land;Zertifikat gültig bis;Normen\nRossi S.p.A.;Italia;31/12/28;ISO 9001".encode())
    run_waiting()

    supplier = Supplier.objects.get(name="Rossi S.p.A.")
    assert (supplier.country, supplier.certification_expiry) == ("IT", date(2028, 12, 31))
    assert supplier.required_standards == ["iso_9001"]
