"""`manage.py import_records`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from qhse.accounts.models import User
from qhse.deployment.connections import bound_connections
from qhse.errors import DomainError
from qhse.exchange.models import ImportJob, ImportMode, ImportStatus
from qhse.exchange.registry import all_kinds, kind_of, may_import
from qhse.exchange.running import run_import
from qhse.exchange.services import check_import, preview_import, start_import

MOST_SHOWN = 50
IDLE_SECONDS = 12.0
"""A terminal that was stopped in the middle lets go of its locks. The workers go on with the import."""


class Command(BaseCommand):
    help = (
        "Import a table, CSV or XLSX, in the name of a user, who must have the right to. Each row goes through its "
        "service. Exit code 0: all rows are stored or were there. 1: rows were refused. 2: nothing can be imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[kind.name for kind in all_kinds()])
        parser.add_argument("file", type=Path)
        parser.add_argument("--as-user", required=True, metavar="NAME", help="in whose name the records are written")
        parser.add_argument("--mode", choices=ImportMode.values, default=ImportMode.ALL_OR_NOTHING)
        parser.add_argument(
            "--dry-run", action="store_true", help="check the file, say every row's error, store nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bound_connections(statement=0, lock=0, idle_in_transaction=IDLE_SECONDS, name="qhse-import")
        actor = User.objects.filter(username=options["as_user"]).first()
        if actor is None or not may_import(actor, kind_of(options["kind"])):
            raise CommandError(f"{options['as_user']} may not import {options['kind']}, or is no user", returncode=2)
        try:
            job = self._checked(actor, options)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}", returncode=2) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail, returncode=2) from None
        if options["dry_run"] or job.not_ready:
            self._tell_check(job, is_dry=options["dry_run"])
        else:
            self._run(job, actor)

    def _checked(self, actor: User, options: dict[str, Any]) -> ImportJob:
        path: Path = options["file"]
        asked = {"kind": options["kind"], "name": path.name, "mode": options["mode"]}
        with path.open("rb") as content:
            job, _ = check_import(**asked, content=content)
            if options["dry_run"] or job.not_ready:
                return job
            return preview_import(**asked, content=content, actor=actor)

    def _run(self, job: ImportJob, actor: User) -> None:
        start_import(import_id=job.pk, actor=actor)
        with tqdm(total=job.rows_total, unit="row", disable=None) as bar:
            run_import(job.pk, tell=lambda rows: bar.update(rows - bar.n), source="command")
        job.refresh_from_db()
        self.stdout.write(
            f"import {job.pk} {job.status}: {job.rows_new} new, {job.rows_changed} changed, {job.rows_same} as they "
            f"were, {job.rows_refused} refused"
        )
        self._tell_problems(job)
        if job.status != ImportStatus.DONE or job.rows_refused:
            sys.exit(1)

    def _tell_check(self, job: ImportJob, *, is_dry: bool) -> None:
        columns = ", ".join(f"{each['header']} = {each['field'] or 'left out'}" for each in job.columns)
        self.stdout.write(f"columns: {columns}")
        self.stdout.write(
            f"{job.rows_total} rows: {job.foreseen_new} new, {job.foreseen_known} there already, "
            f"{job.foreseen_bad} with errors; nothing has been imported"
        )
        self._tell_problems(job)
        if job.missing_columns or job.doubled_columns or (job.not_ready and not is_dry):
            raise CommandError(job.not_ready, returncode=2)
        sys.exit(1 if job.foreseen_bad else 0)

    def _tell_problems(self, job: ImportJob) -> None:
        for each in job.problems[:MOST_SHOWN]:
            where = f" {each['column'] or each['field']}:" if each["column"] or each["field"] else ""
            self.stderr.write(f"row {each['row']}:{where} {each['detail']}")
        if job.problems_in_all > MOST_SHOWN:
            self.stderr.write(f"… and {job.problems_in_all - MOST_SHOWN} more")
