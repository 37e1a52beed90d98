"""Files on the pages of records: the panel, and what its links give to whom."""

from __future__ import annotations

import hashlib
import io
import re

import pytest
from django.test import Client

from audit.models import AuditEntry
from ncs.services import close_nonconformity, open_action
from qhse.accounts.roles import Role
from qhse.adminsite.tests.payloads import PAYLOADS
from qhse.adminsite.tests.test_escaping import markup_in
from qhse.attachments.admin.pages import ADD, FilesAdmin
from qhse.attachments.registry import kind_of
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import CSV, PNG

pytestmark = [pytest.mark.django_db, pytest.mark.once]
EVERY_ROLE = [role.value for role in Role]


@pytest.fixture
def page(nc):
    return f"/admin/ncs/nonconformity/{nc.pk}/change/"


@pytest.fixture
def opened(users, page):
    """Open an address as a role; the page of the case without one."""

    def get(role="quality", address=None, **query):
        client = Client()
        client.force_login(users[role])
        return client.get(address or page, query)

    return get


@pytest.fixture
def panel(opened):
    """Return the panel of files as a role sees it."""

    def get(role="quality", address=None):
        shown = opened(role, address).content.decode()
        return shown.partition('<section class="module panel" id="files">')[2].partition("</section>")[0]

    return get


def address_of(attachment, kind="nonconformity"):
    return f"/admin/ncs/{kind}/{attachment.entity_id}/files/{attachment.pk}/"


class TestThePanel:
    def test_lists_what_a_person_wants_to_know(self, put, panel):
        digest = hashlib.sha256(PNG).hexdigest()
        attachment = put(description="Bore of part 3")

        shown = panel("auditor")

        assert f'<a href="{address_of(attachment)}">bore.png</a>' in shown
        assert "Bore of part 3" in shown and f"{len(PNG)} bytes" in shown
        assert f'<code title="{digest}">{digest[:12]}…</code>' in shown
        assert ">quality<" in shown and f"{attachment.uploaded_at:%Y-%m-%d %H:%M}" in shown

    def test_strikes_a_void_one_out_with_its_reason_and_links_it_no_more(self, users, put, panel):
        attachment = put()
        void_attachment(attachment_id=attachment.pk, reason="Photo of another lot", actor=users["admin"])

        shown = panel()

        assert "<del>bore.png</del>" in shown and "by admin: Photo of another lot" in shown
        assert address_of(attachment) not in shown and "Declare void" not in shown

    @pytest.mark.parametrize("role", EVERY_ROLE)
    def test_offers_adding_and_voiding_to_who_may(self, role, put, panel):
        put()

        assert ("Add a file" in panel(role), "Declare void" in panel(role)) == ((role in ("quality", "admin"),) * 2)

    def test_offers_neither_on_a_closed_case(self, users, nc, put, panel):
        put()
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        assert "bore.png" in panel("admin")
        assert "Add a file" not in panel("admin") and "Declare void" not in panel("admin")

    def test_has_the_files_of_its_own_record_alone(self, users, nc, put, panel):
        action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
        put(entity_type="action", entity_id=str(action.pk), name="tool.png")
        put()

        of_action = panel(address=f"/admin/ncs/correctiveaction/{action.pk}/change/")

        assert "tool.png" in of_action and "bore.png" not in of_action
        assert "tool.png" not in panel()

    def test_asks_the_same_number_of_times_however_many_there_are(self, users, nc, put, django_assert_max_num_queries):
        client = Client()
        client.force_login(users["auditor"])
        put()
        with django_assert_max_num_queries(40) as one:
            client.get(f"/admin/ncs/nonconformity/{nc.pk}/change/")
        for _ in range(5):
            put()

        with django_assert_max_num_queries(len(one)):
            client.get(f"/admin/ncs/nonconformity/{nc.pk}/change/")

    @pytest.mark.parametrize("text", PAYLOADS)
    def test_shows_hostile_texts_as_texts(self, users, put, opened, text):
        attachment = put(name=f"{text}.png", description=text)
        put(name=f"{text}2.png")

        assert markup_in(opened().content.decode()) == []
        assert markup_in(opened(step="void_file", file=attachment.pk).content.decode()) == []
        void_attachment(attachment_id=attachment.pk, reason=text, actor=users["admin"])
        assert markup_in(opened().content.decode()) == []
        assert markup_in(opened(address=address_of(attachment)).content.decode()) == []

    def test_says_in_the_history_what_happened_in_words(self, put, opened):
        put()

        history = opened().content.decode().partition('id="history"')[2]

        assert "File attached" in history and "digest of the file" in history and "sha256" not in history


class TestADownload:
    @pytest.mark.parametrize("role", EVERY_ROLE)
    def test_is_what_the_api_gives(self, role, put, opened, api):
        attachment = put(name="Prüfbericht Ø 40.csv", content=io.BytesIO(CSV))

        given = opened(role, address_of(attachment))
        of_api = api(role).get(f"/attachments/{attachment.pk}/content")

        assert b"".join(given) == b"".join(of_api) == CSV
        same = (
            "Content-Type", "Content-Length", "Content-Disposition", "ETag", "Content-Security-Policy",
            "X-Content-Type-Options",
        )  # fmt: skip
        assert {name: given[name] for name in same} == {name: of_api[name] for name in same}
        assert given.streaming and "no-store" in given["Cache-Control"]

    def test_of_a_void_one_is_a_page_that_says_why(self, users, put, opened):
        attachment = put()
        void_attachment(attachment_id=attachment.pk, reason="Photo of another lot", actor=users["admin"])

        refused = opened("auditor", address_of(attachment))

        assert (refused.status_code, refused["Content-Type"]) == (410, "text/html; charset=utf-8")
        assert "Photo of another lot" in refused.content.decode()

    def test_that_the_storage_lacks_is_a_page_that_says_so(self, put, opened, stored, settings):
        attachment = put()
        (settings.ATTACHMENTS_DIR / stored()[0]).unlink()

        refused = opened(address=address_of(attachment))

        assert refused.status_code == 503
        assert "cannot be read now" in refused.content.decode()

    def test_through_another_record_is_not_found(self, put, make_nc, opened, nc):
        attachment = put()

        for address in (
            f"/admin/ncs/nonconformity/{make_nc().pk}/files/{attachment.pk}/",
            f"/admin/ncs/correctiveaction/{nc.pk}/files/{attachment.pk}/",
            f"/admin/ncs/nonconformity/{nc.pk}/files/{'9' * 30}/",
            f"/admin/ncs/nonconformity/x_00y/files/{attachment.pk}/",
        ):
            assert opened("admin", address).status_code == 404, address

    def test_of_nobody_leads_to_the_login(self, put):
        assert Client().get(address_of(put()))["Location"].startswith("/admin/login/?next=")

    def test_of_who_may_not_read_the_record_is_refused(self, put, opened, monkeypatch):
        attachment = put()
        monkeypatch.setitem(kind_of("nonconformity").table, "retrieve", frozenset({Role.ADMIN}))

        assert opened("auditor", address_of(attachment)).status_code == 403
        assert b"".join(opened("admin", address_of(attachment))) == PNG


class TestVoiding:
    @pytest.fixture
    def void(self, users, page):
        def send(attachment, role="quality", reason="Photo of another lot"):
            client = Client()
            client.force_login(users[role])
            return client.post(f"{page}?step=void_file", {"file": attachment.pk, "reason": reason})

        return send

    def test_leaves_what_the_api_leaves(self, put, void):
        attachment = put()

        answer = void(attachment)

        attachment.refresh_from_db()
        entry = AuditEntry.objects.latest("id")
        assert answer.status_code == 302
        assert (attachment.void_reason, attachment.voided_by.username) == ("Photo of another lot", "quality")
        assert (entry.action, entry.reason, entry.source) == ("FILE_VOIDED", "Photo of another lot", "admin")

    def test_begins_with_the_file_of_the_row(self, put, panel, opened):
        first, _ = put(), put(name="other.png")
        address = re.findall(r'href="([^"]*step=void_file[^"]*)"', panel())[-1].replace("&amp;", "&")

        shown = opened(address=address).content.decode()

        assert re.findall(r'<option value="(\d+)" selected', shown) == [str(first.pk)]

    def test_needs_a_reason(self, put, void):
        answer = void(put(), reason=" ")

        assert answer.status_code == 200 and 'id="id_reason_error"' in answer.content.decode()

    def test_of_one_that_is_void_already_says_so_and_points_at_no_other(self, users, put, void):
        attachment, other = put(), put(name="other.png")
        void_attachment(attachment_id=attachment.pk, reason="Blurred", actor=users["admin"])

        shown = void(attachment).content.decode()

        assert "is void already" in shown
        assert f'<option value="{other.pk}" selected' not in shown

    def test_of_a_file_of_another_record_is_refused(self, put, void, make_nc):
        attachment = put(entity_id=str(make_nc().pk))

        assert void(attachment).status_code == 200
        attachment.refresh_from_db()
        assert attachment.voided_at is None

    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_is_for_those_who_may_write_the_record(self, role, put, void):
        attachment = put()

        assert void(attachment, role).status_code in (302, 403)
        attachment.refresh_from_db()
        assert attachment.voided_at is None

    def test_on_a_case_that_was_closed_meanwhile_changes_nothing(self, users, nc, put, void):
        attachment = put()
        close_nonconformity(nc_id=nc.pk, actor=users["admin"])

        assert void(attachment).status_code == 302
        attachment.refresh_from_db()
        assert attachment.voided_at is None


def test_the_steps_ask_for_the_right_that_the_kind_of_record_asks_for():
    from django.contrib import admin

    pages = [page for page in admin.site._registry.values() if isinstance(page, FilesAdmin)]

    assert {page.entity_type for page in pages} == {"nonconformity", "action", "supplier", "certificate"}
    for page in pages:
        kind = kind_of(page.entity_type)
        assert page.steps[ADD].action == kind.write
        assert page.roles is kind.table
