"""The form that adds a file to a record: what it stores, and what it refuses beside the field."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEntry
from ncs.services import close_nonconformity, contain_nonconformity
from qhse.adminsite.marks import MARK
from qhse.adminsite.once import FILES_AGAIN, OTHER_TEXT, REPEATED
from qhse.adminsite.tests.forms_of import fields_of
from qhse.api.requests.page_uploads import PageStream
from qhse.api.requests.uploads import ReceivedFile
from qhse.attachments.models import Attachment
from qhse.attachments.tests.files import EACH, PDF, PNG
from qhse.repeats.models import IdempotencyRecord

pytestmark = pytest.mark.django_db
MAX = 100_000
complete = ReceivedFile.complete


@pytest.fixture(autouse=True)
def small(settings):
    settings.ATTACHMENT_MAX_BYTES = MAX


@pytest.fixture
def address(nc):
    return f"/admin/ncs/nonconformity/{nc.pk}/change/?step=add_file"


@pytest.fixture
def browser(users):
    def log_in(role="quality", **options):
        client = Client(**options)
        client.force_login(users[role])
        return client

    return log_in


@pytest.fixture
def add(browser, address):
    """Open the form, fill it in and send it, by quality."""

    def send(*, client=None, name="bore.png", content=PNG, fields=None, **typed):
        client = client or browser()
        fields = fields or fields_of(client.get(address), **typed)
        return client.post(address, fields | {"file": SimpleUploadedFile(name, content)})

    return send


def errors_of(response):
    assert response.status_code == 200
    return {name: [str(each) for each in said] for name, said in response.context["adminform"].form.errors.items()}


class TestAdding:
    def test_stores_the_file_and_says_so(self, add, nc, stored):
        answer = add(name="Bore of part 3.PNG", file_description="Measured again")

        attachment = Attachment.objects.get()
        assert (answer.status_code, len(stored())) == (302, 1)
        assert (attachment.name, attachment.description) == ("Bore of part 3.PNG", "Measured again")
        assert (attachment.entity_type, attachment.entity_id) == ("nonconformity", str(nc.pk))
        told = next(iter(answer.wsgi_request._messages._queued_messages)).message
        assert told.endswith(f"has a new file: Bore of part 3.PNG, {len(PNG)} bytes.")
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.source, entry.actor) == ("FILE_ATTACHED", "admin", "quality")

    @pytest.mark.parametrize("name", EACH)
    def test_takes_what_the_api_takes(self, add, name):
        assert add(name=name, content=EACH[name][0]).status_code == 302

    def test_offers_a_camera_to_phones(self, browser, address):
        shown = browser().get(address).content.decode()

        assert 'type="file" name="file" accept="image/jpeg,image/png,image/webp,.pdf,' in shown
        assert 'enctype="multipart/form-data"' in shown

    def test_does_not_mind_what_others_do_to_the_record(self, users, nc, add, browser, address):
        client = browser()
        fields = fields_of(client.get(address))
        contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=users["admin"])

        assert add(client=client, fields=fields).status_code == 302

    def test_leaves_nothing_where_uploads_arrive(self, add, stored):
        add()
        add(name="bore.exe")

        assert [name for name in stored() if name.startswith("incoming")] == []

    def test_is_with_the_token_against_forgery_alone(self, browser, address, add, stored):
        client = browser(enforce_csrf_checks=True)
        fields = fields_of(client.get(address))

        refused = add(client=client, fields={**fields, "csrfmiddlewaretoken": "x" * 64, MARK: ""})
        taken = add(client=client, fields=fields)

        assert (refused.status_code, taken.status_code, len(stored())) == (403, 302, 1)


class TestARefusal:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("run.exe", PNG, "The name must end with"),
            ("bore.pdf", PNG, "not that of a .pdf file"),
            ("bore.png", b"", "The file is empty"),
            (" .png", PNG, "The name must end with"),
            ("big.png", PNG + b"0" * MAX, "larger than"),
            ("big.txt", b"0" * (MAX + 1), "The file is larger than 97.7 KB"),
            ("big.txt", b"0" * (9 * MAX), "The file is larger than 97.7 KB"),
            ("huge.txt", b"0" * 9_000_000, "The file is much too large"),
        ],
    )
    def test_stands_beside_the_field_and_nothing_is_stored(self, add, stored, name, content, said):
        answer = add(name=name, content=content, file_description="Bore of part 3")

        (told,) = errors_of(answer)["file"]
        assert said in told
        assert (Attachment.objects.count(), stored()) == (0, [])

    def test_keeps_one_byte_more_than_allowed_on_the_disk_and_not_all(self, add, monkeypatch):
        sizes = []
        monkeypatch.setattr(ReceivedFile, "complete", lambda file: sizes.append(file._size) or complete(file))

        add(name="big.txt", content=b"0" * (9 * MAX))

        assert sizes == [MAX + 1]

    def test_keeps_the_description(self, add):
        assert 'value="Bore of part 3"' in add(name="bore.exe", file_description="Bore of part 3").content.decode()

    def test_of_the_description_asks_for_the_file_again(self, add, stored):
        errors = errors_of(add(file_description="x" * 501))

        assert errors["file"] == [FILES_AGAIN]
        assert "500" in errors["file_description"][0] and stored() == []

    def test_of_one_too_many_stands_beside_the_field(self, add, put, settings):
        settings.ATTACHMENT_MAX_PER_RECORD = 1
        put()

        assert errors_of(add()) == {"file": ["A record has at most 1 files."]}

    def test_of_none_asks_for_one(self, browser, address):
        assert errors_of(browser().post(address, {}))["file"] == ["Choose a file."]

    def test_of_one_that_could_not_be_received_says_so(self, add, settings):
        settings.ATTACHMENTS_INCOMING = Path("/nowhere/incoming")

        assert "could not be received" in errors_of(add())["file"][0]

    def test_of_a_storage_that_is_away_stands_beside_the_field(self, add, monkeypatch):
        def fail(*args):
            raise OSError("disk full")

        monkeypatch.setattr("qhse.attachments.storage.DirectoryStorage._save", fail)

        assert "storage of files" in errors_of(add())["file"][0]

    def test_on_a_case_that_was_closed_meanwhile_gives_the_text_back(self, users, nc, add, browser, address, stored):
        client = browser()
        fields = fields_of(client.get(address), file_description="Bore of part 3")
        close_nonconformity(nc_id=nc.pk, actor=users["admin"])

        answer = add(client=client, fields=fields)

        (told,) = [each.message for each in answer.wsgi_request._messages._queued_messages]
        assert "has been closed already, by admin" in told and "You had written: What it shows: Bore of part 3" in told
        assert (answer.status_code, stored()) == (302, [])

    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_of_who_may_not_write_is_read_off_the_line_and_kept_nowhere(
        self, role, browser, address, add, stored, monkeypatch
    ):
        made = []
        monkeypatch.setattr(
            "qhse.api.requests.page_uploads.ReceivedFile", lambda *args: made.append(args) or ReceivedFile(*args)
        )

        answer = add(client=browser(role), fields={"file_description": "x"})

        assert made == []
        assert (answer.status_code in (302, 403), Attachment.objects.count(), stored()) == (True, 0, [])


class TestSentTwice:
    def test_is_stored_once(self, browser, address, add, stored):
        client = browser()
        fields = fields_of(client.get(address))

        first, second = (add(client=client, fields=fields) for _ in range(2))

        assert first["Location"] == second["Location"]
        assert REPEATED in str([each.message for each in second.wsgi_request._messages._queued_messages])
        assert (Attachment.objects.count(), len(stored()), IdempotencyRecord.objects.count()) == (1, 1, 1)

    def test_with_another_file_of_the_same_name_and_size_is_another_one(self, browser, address, add):
        client = browser()
        fields = fields_of(client.get(address))
        other = PDF.replace(b"1 0 obj", b"2 0 obj")
        add(client=client, fields=fields, name="a.pdf", content=PDF)

        shown = add(client=client, fields=fields, name="a.pdf", content=other)
        assert f"{OTHER_TEXT} {FILES_AGAIN}" in shown.content.decode()
        again = add(client=client, fields=fields_of(shown), name="a.pdf", content=other)

        assert (again.status_code, Attachment.objects.count()) == (302, 2)


class TestAfterTheSessionHadEnded:
    def test_the_text_is_there_and_the_file_has_to_be_chosen_again(self, browser, address, add, stored):
        client = browser()
        fields = fields_of(client.get(address), file_description="Bore of part 3")
        Session.objects.all().delete()

        late = add(client=client, fields=fields)
        login = fields_of(client.get(late["Location"]), username="quality", password="correct-horse-quality")
        page = client.post(late["Location"], login, follow=True)

        shown = page.content.decode()
        assert 'value="Bore of part 3"' in shown and FILES_AGAIN in shown and stored() == []
        there = page.redirect_chain[-1][0]
        sent = client.post(there, fields_of(page) | {"file": SimpleUploadedFile("bore.png", PNG)})
        assert (sent.status_code, Attachment.objects.get().description) == (302, "Bore of part 3")


class TestOtherPages:
    @pytest.mark.parametrize("step", ["", "?step=correct", "?step=void_file"])
    def test_take_no_more_than_before(self, browser, nc, step, monkeypatch):
        made = []
        monkeypatch.setattr("qhse.api.requests.bodies.PageStream", lambda *args: made.append(args) or PageStream(*args))
        address = f"/admin/ncs/nonconformity/{nc.pk}/change/{step}"

        answer = browser().post(address, {"file": SimpleUploadedFile("a.txt", b"0" * 1_100_000)})

        assert made == []
        assert answer.status_code < 500 and Attachment.objects.count() == 0


class TestABrokenBody:
    @pytest.fixture
    def send(self, browser, address):
        """Send the form by hand, in a browser that proves where the form is from."""
        client = browser(enforce_csrf_checks=True)
        fields = {name: each for name, each in fields_of(client.get(address)).items() if name != "file"}

        def post(body_of, **more):
            texts = "".join(
                f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{each[0]}\r\n'
                for name, each in fields.items()
            )
            file = '--b\r\nContent-Disposition: form-data; name="file"; filename="note.txt"\r\n\r\n12.08 mm'
            return client.generic(
                "POST", address, body_of(f"{texts}{file}".encode()), "multipart/form-data; boundary=b", **more
            )

        return post

    def test_a_whole_one_is_taken(self, send):
        assert send(lambda body: body + b"\r\n--b--\r\n").status_code == 302

    def test_without_its_closing_line_is_400(self, send):
        assert (send(lambda body: body).status_code, Attachment.objects.count()) == (400, 0)

    def test_that_ends_too_early_is_408(self, send):
        answer = send(lambda body: body, **{"CONTENT_LENGTH": "100000", "wsgi.input": io.BytesIO(b"--b\r\nContent-")})

        assert (answer.status_code, answer.json()["code"]) == (408, "incomplete_request")
        assert Attachment.objects.count() == 0
