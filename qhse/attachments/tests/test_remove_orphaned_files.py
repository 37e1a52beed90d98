"""`manage.py remove_orphaned_files`."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import File
from django.core.management import CommandError, call_command
from django.utils import timezone

from qhse.attachments import storage
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import Torn

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, list[str]]:
    out, code = io.StringIO(), 0
    try:
        call_command("remove_orphaned_files", *arguments, stdout=out)
    except SystemExit as exit_:
        code = exit_.code
    return code, out.getvalue().splitlines()


@pytest.fixture
def root(settings) -> Path:
    return Path(settings.ATTACHMENTS_DIR)


@pytest.fixture
def leave(root):
    """Leave a file behind that is so many hours old."""

    def leave_file(name: str, hours: float) -> str:
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left behind")
        then = path.stat().st_mtime - hours * 3600
        os.utime(path, (then, then))
        return name

    return leave_file


@pytest.fixture
def clocks(monkeypatch):
    """Put the clocks of the storage and of the database so many hours ahead."""

    def put_ahead(*, storage: float, database: float) -> None:
        now = timezone.now()
        monkeypatch.setattr("qhse.attachments.storage.present", lambda: now + timedelta(hours=storage))
        monkeypatch.setattr("qhse.attachments.orphans.database_time", lambda: now + timedelta(hours=database))

    return put_ahead


class TestRemove:
    def test_takes_old_files_without_a_row_and_no_others(self, put, leave, root, stored):
        attachment = put()
        os.utime(root / attachment.stored_as, (0, 0))
        old = {leave("ab/ab" + "0" * 30, 25), leave("incoming/x.upload", 30)}
        young = leave("cd/cd" + "0" * 30, 23)

        code, said = run()
        assert (code, set(said)) == (0, old | {"2 files removed"})
        assert stored() == sorted([attachment.stored_as, young])
        assert run() == (0, ["nothing to remove"])

    def test_older_than_says_how_old(self, leave, stored):
        leave("cd/cd" + "0" * 30, 2)
        assert run("--older-than", "3")[1] == ["nothing to remove"]

        assert run("--older-than", "1")[1][-1] == "1 file removed"
        assert stored() == []

    @pytest.mark.parametrize(("ahead", "behind"), [("database", "storage"), ("storage", "database")])
    def test_a_clock_that_is_two_days_ahead_makes_no_file_older(self, leave, stored, clocks, ahead, behind):
        young = leave("cd/cd" + "0" * 30, 23)

        clocks(**{ahead: 48, behind: 0})
        assert run() == (0, ["nothing to remove"])
        assert stored() == [young]

        clocks(**{ahead: 48, behind: 2})
        assert run() == (0, [young, "1 file removed"])

    @pytest.mark.parametrize("hours", ["0", "-1", "1.5", "x", "9" * 20])
    def test_less_than_an_hour_is_refused(self, hours):
        with pytest.raises(CommandError, match="hours from 1"):
            run("--older-than", hours)

    def test_a_dry_run_only_names_them(self, leave, stored):
        name = leave("ab/ab" + "0" * 30, 25)

        assert run("--dry-run") == (0, [name, "1 file would be removed"])
        assert stored() == [name]

    def test_one_that_stays_is_named_with_exit_code_1(self, leave, monkeypatch):
        name = leave("ab/ab" + "0" * 30, 25)
        monkeypatch.setattr(storage.DirectoryStorage, "delete", _read_only)

        assert run() == (1, [f"{name}: could not be removed", "0 files removed"])

    def test_a_storage_that_is_away_is_exit_code_2(self, monkeypatch):
        monkeypatch.setattr(storage.DirectoryStorage, "listdir", _read_only)

        with pytest.raises(CommandError, match="Read-only") as refusal:
            run()
        assert refusal.value.returncode == 2


class TestCheck:
    def test_all_is_well(self, put, users):
        put()
        void_attachment(attachment_id=put().pk, reason="Another lot", actor=users["quality"])

        assert run("--check") == (0, ["2 files read: all as they were attached"])

    def test_names_what_is_missing_or_another_one(self, put, root, nc):
        gone, cut, other = put(), put(), put()
        (root / gone.stored_as).unlink()
        (root / cut.stored_as).write_bytes(b"\x89PNG")
        (root / other.stored_as).write_bytes(b"x" * other.size)

        code, said = run("--check")
        assert (code, said) == (
            1,
            [
                f"attachment {gone.pk} of nonconformity {nc.pk}: {gone.stored_as} is missing",
                f"attachment {cut.pk} of nonconformity {nc.pk}: {cut.stored_as} is not what was attached",
                f"attachment {other.pk} of nonconformity {nc.pk}: {other.stored_as} is not what was attached",
                "3 files read: 3 files not as attached",
            ],
        )

    def test_names_what_cannot_be_read_and_reads_those_behind(self, put, root, nc):
        folder, loop, gone = put(), put(), put()
        for each in (folder, loop, gone):
            (root / each.stored_as).unlink()
        (root / folder.stored_as).mkdir()
        (root / loop.stored_as).symlink_to(root / loop.stored_as)

        code, said = run("--check")
        (root / folder.stored_as).rmdir()
        (root / loop.stored_as).unlink()
        assert (code, said) == (
            1,
            [
                f"attachment {folder.pk} of nonconformity {nc.pk}: {folder.stored_as} could not be read: "
                f"[Errno 21] Is a directory: '{root / folder.stored_as}'",
                f"attachment {loop.pk} of nonconformity {nc.pk}: {loop.stored_as} could not be read: "
                f"[Errno 40] Too many levels of symbolic links: '{root / loop.stored_as}'",
                f"attachment {gone.pk} of nonconformity {nc.pk}: {gone.stored_as} is missing",
                "3 files read: 3 files not as attached",
            ],
        )

    def test_one_that_breaks_off_in_the_middle_could_not_be_read(self, put, monkeypatch):
        torn = put()
        monkeypatch.setattr(storage.DirectoryStorage, "_open", lambda *args: File(Torn()))

        code, said = run("--check")
        assert (code, said[0].partition(torn.stored_as)[2]) == (
            1, " could not be read: [Errno 5] Input/output error",
        )  # fmt: skip

    def test_a_storage_that_is_away_is_exit_code_2(self, put, root, monkeypatch):
        put()
        for each in ("_open", "listdir"):
            monkeypatch.setattr(storage.DirectoryStorage, each, _read_only)

        with pytest.raises(CommandError, match="Read-only") as refusal:
            run("--check")
        assert refusal.value.returncode == 2

    def test_removes_nothing(self, leave, stored):
        name = leave("ab/ab" + "0" * 30, 25)

        assert run("--check")[0] == 0
        assert stored() == [name]


def _read_only(*args, **kwargs):
    raise OSError(30, "Read-only file system")
