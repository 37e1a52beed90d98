"""`manage.py verify_audit_trail`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from audit.models import AuditSeal
from audit.proof.checkpoints import read_checkpoints
from audit.proof.findings import Finding, counted
from audit.proof.verification import Verification, record_verification
from audit.proof.verify_export import Unreadable
from qhse.arguments import date_or_time
from qhse.database import database_time


class Command(BaseCommand):
    help = (
        "Check every audit entry against its seal, every seal against the chain, and what is not sealed yet against "
        "the application's mark. Exit code 0: all is as it was written; 1: something is not, and is named; 2: it "
        "could not be checked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=date_or_time, metavar="DATE",
            help="begin with the seals made from then on; what is before is believed",
        )  # fmt: skip
        parser.add_argument(
            "--checkpoint", type=Path, metavar="FILE",
            help="compare with these checkpoints of audit_checkpoint, which shows a cut or rewritten end",
        )  # fmt: skip
        parser.add_argument(
            "--record", action="store_true", help="store the result in the trail, for the admin's page to show"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document, with the findings and a summary")

    def handle(self, *args: Any, **options: Any) -> None:
        verification = Verification(since=options["since"], checkpoints=_checkpoints(options["checkpoint"]))
        report = self._as_json if options["json"] else self._as_text
        try:
            if options["since"] and options["since"] > database_time():
                raise CommandError("--since lies in the future: nothing would be looked at", returncode=2)
            with tqdm(total=AuditSeal.objects.count(), unit="seal", disable=None) as bar:
                verification.step = bar.update
                report(verification)
        except DatabaseError as error:
            raise CommandError(f"the trail could not be read: {str(error).strip()}", returncode=2) from error
        if options["record"]:
            _record(verification)
        if verification.summary.findings:
            raise SystemExit(1)

    def _as_text(self, verification: Verification) -> None:
        first: Finding | None = None
        for finding in verification.run():
            first = first or finding
            self.stdout.write(str(finding))
        summary, head = verification.summary, verification.summary.head
        for restore in summary.restores:
            self.stdout.write(restore)
        if first:
            self.stdout.write(f"{counted(summary.findings, 'finding')}; the first is {first.what} {first.number}")
        counts = f"{summary.sealed}, {summary.unsealed:,} not sealed yet"
        counts += f", {summary.accepted:,} late ones accepted" if summary.accepted else ""
        until = f"; the last seal is {head.number} of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC" if head else ""
        verdict = "the trail is not as it was written" if first else "the trail is as it was written"
        self.stdout.write(f"{counts}{until}: {verdict}")

    def _as_json(self, verification: Verification) -> None:
        """Write as it goes, so that many findings need no more memory than one."""
        before = '{"findings": ['
        for finding in verification.run():
            self.stdout.write(f"{before}{json.dumps(asdict(finding))}", ending="")
            before = ",\n"
        opening = "" if before == ",\n" else before
        self.stdout.write(f'{opening}], "summary": {json.dumps(verification.summary.as_dict())}}}')


def _record(verification: Verification) -> None:
    try:
        record_verification(verification, actor=None)
    except DatabaseError as error:
        raise CommandError(f"the result could not be recorded: {str(error).strip()}", returncode=2) from error


def _checkpoints(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        return read_checkpoints(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise CommandError(f"--checkpoint {path}: {error}", returncode=2) from error
