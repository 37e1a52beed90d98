"""`POST /attachments`: what is stored, what is refused, and what a repetition does."""

from __future__ import annotations

import hashlib

import pytest

from audit.models import AuditEntry
from ncs.services import close_nonconformity, open_action
from qhse.attachments.models import Attachment
from qhse.attachments.tests.files import PDF, PNG, TEXT

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "photo-of-lot-4711"}


class TestAttach:
    def test_answers_what_was_stored(self, upload, nc, users, stored):
        response = upload(description="The bore, from above")

        body = response.json()
        assert (response.status_code, response["ETag"]) == (201, '"1"')
        assert body == {
            "id": body["id"], "entity_type": "nonconformity", "entity_id": str(nc.pk), "filename": "bore.png",
            "media_type": "image/png", "size": len(PNG), "sha256": hashlib.sha256(PNG).hexdigest(),
            "description": "The bore, from above", "uploaded_at": body["uploaded_at"],
            "uploaded_by": users["quality"].pk, "voided_at": None, "voided_by": None, "void_reason": "",
        }  # fmt: skip
        assert stored() == [Attachment.objects.get().stored_as]

    def test_the_record_s_history_has_it(self, upload, nc):
        upload()

        entry = AuditEntry.objects.get(action="FILE_ATTACHED")
        assert (entry.entity_type, entry.entity_id, entry.source) == ("nonconformity", str(nc.pk), "api")
        assert entry.changes["sha256"] == [None, hashlib.sha256(PNG).hexdigest()]
        assert entry.changes["file_name"] == [None, "bore.png"]

    def test_takes_files_on_actions_too(self, upload, nc, users):
        action = open_action(nc_id=nc.pk, kind="corrective", title="Tool change", actor=users["quality"])

        assert upload(entity_type="action", entity_id=str(action.pk)).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"entity_type": "user"}, "entity_type", "unknown_entity_type"),
            ({"entity_id": "999999"}, "entity_id", "unknown_record"),
            ({"entity_id": "007"}, "entity_id", "unknown_record"),
            ({"entity_id": "9" * 60}, "entity_id", "unknown_record"),
            ({"entity_type": None}, "entity_type", "required"),
            ({"entity_id": None}, "entity_id", "required"),
            ({"file": None}, "file", "required"),
            ({"file": "a text"}, "file", "invalid"),
            ({"owner": "1"}, "owner", "unknown_field"),
            ({"description": "x" * 501}, "description", "max_length"),
            ({"description": ["one", "two"]}, "description", "repeated_field"),
            ({"content": b""}, "file", "empty_file"),
        ],
    )  # fmt: skip
    def test_a_bad_form_is_400_and_leaves_nothing(self, upload, problem_of, stored, changes, field, code):
        problem = problem_of(upload(**changes), 400)

        assert (field, code) in {(error["field"], error["code"]) for error in problem["errors"]}
        assert (Attachment.objects.count(), stored()) == (0, [])

    @pytest.mark.parametrize(
        ("name", "content"),
        [("bore.png", b"<html><script>alert(1)</script>"), ("bore.svg", b"<svg/>"), ("a.exe", b"MZ"), ("bore", PNG),
         ("bore.pdf", PNG), ("note.txt", b"M\xfcller")],
    )  # fmt: skip
    def test_a_content_that_is_not_taken_is_415(self, upload, problem_of, stored, name, content):
        problem = problem_of(upload(name=name, content=content), 415)

        assert problem["code"] == "unsupported_file"
        assert (Attachment.objects.count(), stored()) == (0, [])

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    def test_a_body_that_is_no_form_is_415(self, api, problem_of, content_type):
        response = api("quality").generic("POST", "/attachments", "{}", content_type=content_type)

        assert problem_of(response, 415)["code"] == "unsupported_media_type"

    def test_no_other_route_takes_a_form(self, api, problem_of):
        response = api("procurement").post("/suppliers", {"name": "Hansa Forge"}, format="multipart")

        assert problem_of(response, 415)["code"] == "unsupported_media_type"

    def test_one_byte_too_many_is_413(self, upload, problem_of, settings, stored):
        settings.ATTACHMENT_MAX_BYTES = len(TEXT)
        assert upload(name="note.txt", content=TEXT).status_code == 201

        assert problem_of(upload(name="note.txt", content=TEXT + b"x"), 413)["code"] == "payload_too_large"
        assert len(stored()) == 1

    def test_a_body_above_the_bound_is_413_before_it_is_read(self, upload, problem_of, settings, stored):
        settings.ATTACHMENT_MAX_BYTES = 2_000

        problem_of(upload(name="note.txt", content=b"x" * 100_000), 413)
        assert stored() == []

    def test_a_closed_case_takes_none(self, upload, problem_of, nc, users, stored):
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        assert problem_of(upload(), 409)["code"] == "case_is_closed"
        assert stored() == []

    def test_a_record_has_so_many_files_and_no_more(self, upload, problem_of, settings):
        settings.ATTACHMENT_MAX_PER_RECORD = 2
        upload()
        upload()

        assert problem_of(upload(), 409)["code"] == "too_many_files"

    def test_a_name_loses_its_path_and_what_nobody_sees(self, upload):
        response = upload(name="C:\\Users\\x\\Pru\u0308fung \u202egnp.\u200bpng")

        assert response.json()["filename"] == "Prüfung gnp.png"


class TestForms:
    """Bodies as no library writes them."""

    HEAD = b'--b\r\nContent-Disposition: form-data; name="entity_type"\r\n\r\nnonconformity\r\n'
    FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'

    def send(self, api, body: bytes, content_type: str = "multipart/form-data; boundary=b"):
        return api("quality").generic("POST", "/attachments", body, content_type=content_type)

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"x", "multipart/form-data"),
            (b"x", "multipart/form-data; boundary="),
            (b"x", "multipart/form-data; boundary=\xe4".encode().decode("latin-1")),
            (b"x", "multipart/form-data; boundary=" + "b" * 300),
            (b"no form", "multipart/form-data; boundary=b"),
            (HEAD, "multipart/form-data; boundary=b"),
            (HEAD + FILE + b"cut of", "multipart/form-data; boundary=b"),
        ],
    )  # fmt: skip
    def test_what_is_no_whole_form_is_400(self, api, problem_of, stored, body, content_type):
        problem_of(self.send(api, body, content_type), 400)

        assert stored() == []

    def test_one_that_was_cut_off_behind_the_file_is_400(self, api, problem_of, stored, nc):
        record = f'--b\r\nContent-Disposition: form-data; name="entity_id"\r\n\r\n{nc.pk}\r\n'.encode()
        whole = self.HEAD + record + self.FILE + b"12.08 mm\r\n--b--\r\n"

        for end in range(len(whole) - 14, len(whole) - 2):
            assert "closing line" in problem_of(self.send(api, whole[:end]), 400)["detail"], whole[:end][-20:]
        assert stored() == []
        assert self.send(api, whole).status_code == 201

    def test_text_in_another_encoding_is_refused(self, api, problem_of):
        field = b'--b\r\nContent-Disposition: form-data; name="description"\r\n\r\nM\xfcller\r\n--b--\r\n'

        problem = problem_of(self.send(api, self.HEAD + field), 400)
        assert [(error["field"], error["code"]) for error in problem["errors"]] == [("description", "invalid_encoding")]

    def test_two_files_are_refused(self, api, problem_of, stored, nc):
        part = self.FILE + b"text\r\n"

        problem = problem_of(self.send(api, self.HEAD + part + part + b"--b--\r\n"), 400)
        assert [(error["field"], error["code"]) for error in problem["errors"]] == [("file", "repeated_field")]
        assert stored() == []

    def test_a_thousand_fields_and_more_are_refused(self, api, problem_of):
        many = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % number for number in range(2_500)
        )

        problem_of(self.send(api, many + b"--b--\r\n"), 400)


class TestIdempotency:
    def test_the_same_request_is_done_once(self, upload, stored):
        first, again = upload(headers=KEY), upload(headers=KEY)

        assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
        assert (first.json(), first["ETag"]) == (again.json(), again["ETag"])
        assert (Attachment.objects.count(), len(stored())) == (1, 1)

    @pytest.mark.parametrize(
        "changes",
        [
            {"content": PNG[:40] + b"\x00" + PNG[41:]},
            {"name": "other.png"},
            {"description": "Another"},
            {"content": PDF},
        ],
    )
    def test_another_content_name_or_field_is_another_body(self, upload, problem_of, changes):
        upload(headers=KEY)

        assert problem_of(upload(headers=KEY, **changes), 422)["code"] == "idempotency_key_reused"
        assert Attachment.objects.count() == 1

    def test_a_refused_one_may_be_corrected_under_the_same_key(self, upload):
        assert upload(headers=KEY, name="bore.pdf").status_code == 415

        assert upload(headers=KEY).status_code == 201


def test_the_directory_in_which_uploads_arrive_is_made_anew_when_it_is_gone(upload, settings, tmp_path):
    settings.ATTACHMENTS_INCOMING = tmp_path / "incoming"

    assert upload().status_code == 201
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_disk_of_uploads_that_is_gone_is_not_made_anew(upload, settings, tmp_path, problem_of):
    settings.ATTACHMENTS_INCOMING = tmp_path / "disk" / "incoming"

    assert problem_of(upload(), 503)["code"] == "storage_unavailable"
    assert list(tmp_path.iterdir()) == []
