"""A disk without room for temporary files: a refusal that says when to ask again, and no defect."""

from __future__ import annotations

import errno
import io
import subprocess
import tempfile
from pathlib import Path

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import AuditEntry
from qhse.attachments import previews
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach
from qhse.attachments.tests.test_previews import PHOTO
from qhse.exchange import table_reader, tables
from qhse.exchange.tables import read_table
from qhse.exchange.tests.conftest import suppliers_csv
from qhse.exporting import exports
from qhse.temporary import NoTemporarySpace, temporary_directory, temporary_file, temporary_space

XLSX = exports.XLSX_TYPE


def full(*args, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


class TestTemporary:
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.EROFS, errno.EMFILE])
    def test_an_error_of_the_system_is_a_refusal(self, code):
        with pytest.raises((NoTemporarySpace, OSError)) as told, temporary_space():
            raise OSError(code, "no")
        assert told.type is NoTemporarySpace

    def test_other_errors_stay_what_they_are(self):
        with pytest.raises(ZeroDivisionError), temporary_space():
            1 / 0  # noqa: B018

    def test_no_directory_at_all_is_a_refusal(self, monkeypatch, tmp_path):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

        with pytest.raises(NoTemporarySpace), temporary_directory("a"):
            pass
        with pytest.raises(NoTemporarySpace):
            temporary_file("a")

    def test_the_error_that_xlsxwriter_hides_is_a_refusal(self, tmp_path):
        with pytest.raises(NoTemporarySpace), temporary_space(), xlsxwriter.Workbook(tmp_path / "no" / "a.xlsx"):
            pass


class Full(io.BytesIO):
    """A file on a disk that is full."""

    write = full


class TestReader:
    @pytest.mark.parametrize("which", ["qhse-table-", "qhse-rows-"])
    def test_where_a_table_or_its_rows_find_no_room_it_is_asked_for_again(self, monkeypatch, which):
        real = tables.temporary_file
        answer = Path("/dev/full")
        if not answer.exists():
            pytest.skip("this system has no /dev/full")
        found = {"qhse-table-": Full, "qhse-rows-": lambda: answer.open("wb")}
        monkeypatch.setattr(tables, "temporary_file", lambda name: found[name]() if name == which else real(name))

        with pytest.raises(NoTemporarySpace):
            read_table(io.BytesIO(suppliers_csv(2_000)), "a.csv")

    def test_an_answer_beyond_its_bound_is_still_too_large(self, monkeypatch):
        done = subprocess.CompletedProcess([], 1, b"", b"File too large")
        monkeypatch.setattr(tables.subprocess, "run", lambda *args, **options: done)

        with pytest.raises(tables.TableIsTooLarge):
            read_table(io.BytesIO(suppliers_csv(2)), "a.csv")
        assert table_reader.NO_SPACE not in (0, 1)


@pytest.mark.django_db
class TestAnswers:
    @pytest.fixture(autouse=True)
    def _without_room(self, monkeypatch, users, tmp_path):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    def said(self, problem_of, answer, code):
        assert problem_of(answer, 503)["code"] == code
        assert int(answer["Retry-After"]) > 0

    def test_of_an_import_say_when_to_ask_again(self, api, problem_of, monkeypatch, settings, tmp_path):
        settings.ATTACHMENTS_INCOMING = tmp_path
        form = {"kind": "suppliers", "mode": "good_rows", "file": SimpleUploadedFile("a.csv", suppliers_csv(2))}

        answer = api("procurement").post("/imports", form, format="multipart")

        self.said(problem_of, answer, "temporary_space_unavailable")

    def test_of_a_list_for_excel_say_so_and_leave_the_turn(self, api, problem_of):
        for _ in range(2):
            self.said(problem_of, api("quality").get("/ncs", headers={"Accept": XLSX}), "temporary_space_unavailable")
        assert api("quality").get("/ncs", headers={"Accept": "text/csv"}).status_code == 200

    def test_of_a_report_and_a_dossier_say_so_and_record_nothing(self, api, problem_of, make_nc):
        nc = make_nc()
        about = {"entity_type": "nonconformity", "entity_id": nc.pk}
        self.said(problem_of, api("quality").get(f"/ncs/{nc.pk}/8d"), "report_unavailable")
        self.said(problem_of, api("auditor").get("/dossiers", about), "report_unavailable")
        assert not AuditEntry.objects.filter(action="DOSSIER_MADE").exists()

    def was_tried(self):
        try:
            return previews.make_preview()
        except NoTemporarySpace:
            return False

    def test_a_picture_waits_and_holds_up_no_other(self, make_nc, users, monkeypatch, tmp_path):
        nc = make_nc()
        for _ in range(2):
            attach(entity_type="nonconformity", entity_id=str(nc.pk), name="a.png", content=io.BytesIO(PHOTO),
                   actor=users["quality"])  # fmt: skip
        monkeypatch.setattr(previews, "_refused", previews._Refused())

        assert self.was_tried()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert self.was_tried()
        made = list(Attachment.objects.order_by("id").values_list("preview_as", flat=True))
        assert made[0] is None
        assert made[1]
