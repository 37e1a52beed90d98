"""Attaching and voiding: what is stored together, and what is left when something goes wrong between."""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, transaction

from audit.models import AuditEntry
from ncs.services import close_nonconformity
from qhse.attachments import services, storage
from qhse.attachments.errors import (
    AttachmentNotFound,
    DescriptionIsTooLong,
    FileIsRefused,
    FileNameIsInvalid,
    ReasonIsMissing,
    RecordHasTooManyFiles,
    RecordIsUnknown,
    StorageIsAway,
)
from qhse.attachments.models import Attachment
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import PNG, TEXT
from qhse.errors import DomainError, RecordHasChanged
from qhse.tests.waiting import interrupted_at

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for the end of the process: nobody catches it on purpose."""


class TestAttach:
    def test_stores_row_file_and_entry(self, put, stored, nc, settings):
        attachment = put(description=" The bore \r\n")

        assert stored() == [attachment.stored_as]
        assert (Path(settings.ATTACHMENTS_DIR) / attachment.stored_as).read_bytes() == PNG
        assert (attachment.description, attachment.version, attachment.size) == ("The bore", 1, len(PNG))
        entry = AuditEntry.objects.get(action="FILE_ATTACHED")
        assert entry.changes == {
            "attachment_id": [None, attachment.pk], "file_name": [None, "bore.png"], "media_type": [None, "image/png"],
            "size": [None, len(PNG)], "sha256": [None, attachment.sha256], "file_description": [None, "The bore"],
        }  # fmt: skip

    def test_the_stored_name_has_nothing_of_the_client_s(self, put):
        names = {put(name="../../x.png").stored_as for _ in range(3)}

        assert len(names) == 3
        for name in names:
            folder, _, last = name.partition("/")
            assert (len(last), last[:2], set(last) <= set("0123456789abcdef")) == (32, folder, True)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"name": "\u202e"}, FileNameIsInvalid),
            ({"name": "bore.exe"}, FileIsRefused),
            ({"description": "x" * 501}, DescriptionIsTooLong),
            ({"entity_id": "0"}, RecordIsUnknown),
            ({"entity_type": "action", "entity_id": "1; DROP TABLE"}, RecordIsUnknown),
        ],
    )
    def test_a_refusal_leaves_nothing(self, put, stored, changes, error):
        with pytest.raises(error):
            put(**changes)

        assert (stored(), Attachment.objects.count()) == ([], 0)

    def test_void_files_count_as_well(self, put, users, settings):
        settings.ATTACHMENT_MAX_PER_RECORD = 1
        void_attachment(attachment_id=put().pk, reason="Another lot", actor=users["quality"])

        with pytest.raises(RecordHasTooManyFiles):
            put()

    def test_the_content_stays_open_and_may_be_attached_again(self, put, stored):
        content = io.BytesIO(PNG)
        put(content=content)
        put(content=content)

        assert len(stored()) == 2
        assert not content.closed


class TestWhatGoesWrongBetweenFileAndRow:
    def test_broken_off_at_any_statement_nothing_is_left(self, put, stored):
        points = 0
        while interrupted_at(points + 1, put):
            points += 1
            assert (stored(), Attachment.objects.count()) == ([], 0), points
            assert not AuditEntry.objects.filter(action="FILE_ATTACHED").exists()

        assert points >= 4
        assert len(stored()) == Attachment.objects.count() == 1

    def test_a_voiding_broken_off_anywhere_changes_nothing(self, put, users):
        attachment, points = put(), 0
        void = partial(void_attachment, attachment_id=attachment.pk, reason="Another lot", actor=users["quality"])
        while interrupted_at(points + 1, void):
            points += 1
            assert Attachment.objects.get().version == 1
            assert not AuditEntry.objects.filter(action="FILE_VOIDED").exists()

        assert points >= 4

    def test_before_the_row_the_file_is_removed(self, put, stored, monkeypatch):
        monkeypatch.setattr(services, "_record", raising(OperationalError("the line broke")))

        with pytest.raises(OperationalError):
            put()

        assert (stored(), Attachment.objects.count()) == ([], 0)

    def test_a_commit_that_failed_may_have_happened_so_the_file_stays(self, put, stored, monkeypatch):
        class Broken(transaction.Atomic):
            def __exit__(self, *how):
                super().__exit__(*how)
                raise OperationalError("the line broke during COMMIT")

        monkeypatch.setattr(services.transaction, "atomic", lambda: Broken(None, True, False))

        with pytest.raises(OperationalError):
            put()

        assert stored() == [Attachment.objects.get().stored_as]

    def test_a_kill_leaves_a_file_without_a_row_and_never_a_row_without_a_file(self, put, stored, monkeypatch):
        monkeypatch.setattr(services, "_record", raising(Killed()))
        monkeypatch.setattr(storage, "discard", lambda name: False)  # which a killed process does not reach

        with pytest.raises(Killed):
            put()

        assert (len(stored()), Attachment.objects.count()) == (1, 0)

    def test_a_file_that_was_removed_meanwhile_leaves_no_row(self, put, stored, settings, monkeypatch):
        record = services._record

        def removed(*args):
            (Path(settings.ATTACHMENTS_DIR) / stored()[0]).unlink()
            record(*args)

        monkeypatch.setattr(services, "_record", removed)

        with pytest.raises(StorageIsAway):
            put()

        assert (Attachment.objects.count(), AuditEntry.objects.filter(action="FILE_ATTACHED").count()) == (0, 0)

    def test_a_file_that_cannot_be_written_leaves_no_row(self, put, stored, monkeypatch):
        monkeypatch.setattr(storage, "_flush", raising(OSError(28, "No space left on device")))

        with pytest.raises(StorageIsAway):
            put()

        assert (Attachment.objects.count(), AuditEntry.objects.filter(action="FILE_ATTACHED").count()) == (0, 0)

    def test_a_file_that_cannot_be_removed_hides_no_refusal(self, put, users, nc, monkeypatch):
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])
        monkeypatch.setattr(storage.DirectoryStorage, "delete", raising(OSError(30, "Read-only file system")))

        with pytest.raises(DomainError) as refusal:
            put()
        assert refusal.value.code == "case_is_closed"


def raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail


class TestVoid:
    @pytest.fixture
    def attachment(self, put):
        return put()

    def test_keeps_row_and_file(self, attachment, users, stored):
        voided = void_attachment(attachment_id=attachment.pk, reason=" Another lot ", actor=users["admin"])

        assert (voided.void_reason, voided.voided_by, voided.version) == ("Another lot", users["admin"], 2)
        assert stored() == [attachment.stored_as]
        entry = AuditEntry.objects.get(action="FILE_VOIDED")
        assert (entry.reason, entry.changes["file_name"]) == ("Another lot", ["bore.png", None])
        assert entry.changes["sha256"] == [attachment.sha256, None]

    def test_again_changes_nothing(self, attachment, users):
        first, again = (
            void_attachment(attachment_id=attachment.pk, reason=reason, actor=users["admin"])
            for reason in ("One", "Two")
        )

        assert (again.void_reason, again.version, again.voided_at) == ("One", 2, first.voided_at)
        assert AuditEntry.objects.filter(action="FILE_VOIDED").count() == 1

    def test_is_refused_without_reason_on_another_version_and_of_none(self, attachment, users):
        for error, changes in (
            (ReasonIsMissing, {"reason": "\u200b"}),
            (RecordHasChanged, {"expected_versions": {2}}),
            (AttachmentNotFound, {"attachment_id": 0}),
        ):
            with pytest.raises(error):
                void_attachment(
                    **{"attachment_id": attachment.pk, "reason": "Another lot", "actor": users["admin"]} | changes
                )
        assert Attachment.objects.get().version == 1


class TestDirectory:
    def test_a_name_that_exists_is_never_written_to(self, put, settings):
        attachment = put()
        directory = storage.storages["attachments"]

        for content in (io.BytesIO(TEXT), io.BytesIO(b"")):
            with pytest.raises(FileExistsError):
                directory._save(attachment.stored_as, content)
        assert (Path(settings.ATTACHMENTS_DIR) / attachment.stored_as).read_bytes() == PNG

    def test_what_has_arrived_is_stored_without_being_copied(self, upload, settings, monkeypatch):
        monkeypatch.setattr(storage.shutil, "copyfileobj", raising(AssertionError("copied")))

        assert upload().status_code == 201

    def test_on_another_disk_it_is_copied(self, upload, stored, settings, monkeypatch):
        monkeypatch.setattr(os, "link", raising(OSError(18, "Invalid cross-device link")))

        assert upload().status_code == 201
        (name,) = stored()
        assert (Path(settings.ATTACHMENTS_DIR) / name).read_bytes() == PNG

    def test_files_are_flushed_to_the_disk_before_the_row(self, put, monkeypatch):
        flushed = []
        monkeypatch.setattr(storage, "_flush", lambda descriptor: flushed.append(Attachment.objects.count()))

        put()
        assert flushed == [0]


class TestModel:
    @pytest.mark.parametrize(
        ("changes", "constraint"),
        [
            ({"entity_id": ""}, "attachment_has_a_record"),
            ({"name": ""}, "attachment_has_a_name"),
            ({"size": 0}, "attachment_is_not_empty"),
            ({"sha256": ""}, "attachment_is_stored"),
            ({"media_type": "text/html"}, "attachment_kind_is_known"),
            ({"void_reason": "x"}, "attachment_void_has_time_person_and_reason"),
        ],
    )
    def test_the_database_refuses_it(self, put, changes, constraint):
        attachment = put()

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Attachment.objects.filter(pk=attachment.pk).update(**changes)
