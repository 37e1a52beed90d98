"""`manage.py remove_orphaned_files`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from tqdm import tqdm

from qhse.arguments import hours
from qhse.attachments.errors import StorageIsAway
from qhse.attachments.models import Attachment
from qhse.attachments.orphans import checked, orphans, remove_orphans


class Command(BaseCommand):
    help = (
        "Remove stored files that no record names: what was left of an upload when its process was killed. It may run "
        "beside everything, be interrupted at any moment, and be repeated. With --check it removes nothing, and reads "
        "every file that a record names instead. Exit code 0: all is well; 1: a file is missing, is another one, "
        "could not be read, or could not be removed; 2: the storage or the database could not be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", type=hours, default=24, metavar="HOURS",
            help="only files that were written so many hours ago, at least 1 (default: %(default)s); a younger one may "
            "belong to a request that is running",
        )  # fmt: skip
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="only name them")
        what.add_argument(
            "--check", action="store_true", help="compare each file that a record names with its size and its digest"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                faults = self._check()
            else:
                faults = self._remove(options["older_than"], dry_run=options["dry_run"])
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"the database failed: {str(error).strip()}", returncode=2) from error
        except StorageIsAway as error:
            raise CommandError(f"the storage failed: {error.__cause__}", returncode=2) from error
        if faults:
            raise SystemExit(1)

    def _remove(self, older_than: int, *, dry_run: bool) -> int:
        found = failed = 0
        if dry_run:
            for name in orphans(older_than_hours=older_than):
                found += 1
                self.stdout.write(name)
        else:
            for name, is_removed in remove_orphans(older_than_hours=older_than):
                found, failed = found + 1, failed + (not is_removed)
                self.stdout.write(name if is_removed else f"{name}: could not be removed")
        said = "would be removed" if dry_run else "removed"
        self.stdout.write(f"{_files(found - failed)} {said}" if found else "nothing to remove")
        return failed

    def _check(self) -> int:
        read = faults = 0
        with tqdm(total=Attachment.objects.count(), unit="file", disable=None) as bar:
            for attachment, fault in checked():
                read += 1
                bar.update()
                if fault:
                    faults += 1
                    record = f"{attachment.entity_type} {attachment.entity_id}"
                    self.stdout.write(f"attachment {attachment.pk} of {record}: {attachment.stored_as} {fault}")
        verdict = f"{_files(faults)} not as attached" if faults else "all as they were attached"
        self.stdout.write(f"{_files(read)} read: {verdict}")
        return faults


def _files(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"
