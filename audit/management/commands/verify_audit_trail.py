"""`manage.py verify_audit_trail`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from audit.models import AuditSeal
from audit.proof.checkpoints import read_checkpoints
from audit.proof.findings import Finding, counted
from audit.proof.verification import Verification, record_verification
from qhse.arguments import date_or_time


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
        report = _AsJson(self.stdout) if options["json"] else _AsText(self.stdout)
        try:
            with tqdm(total=AuditSeal.objects.count(), unit="seal", disable=None) as bar:
                verification.step = bar.update
                for finding in verification.run():
                    report.add(finding)
        except DatabaseError as error:
            raise CommandError(f"the trail could not be read: {str(error).strip()}", returncode=2) from error
        report.end(verification)
        if options["record"]:
            record_verification(verification, actor=None)
        if verification.summary.findings:
            raise SystemExit(1)


def _checkpoints(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    try:
        return read_checkpoints(path.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"--checkpoint {path}: {error}", returncode=2) from error


class _AsText:
    def __init__(self, out: Any) -> None:
        self._out = out
        self._first: Finding | None = None

    def add(self, finding: Finding) -> None:
        self._first = self._first or finding
        self._out.write(str(finding))

    def end(self, verification: Verification) -> None:
        summary = verification.summary
        if self._first:
            self._out.write(
                f"{counted(summary.findings, 'finding')}; the first is {self._first.what} {self._first.number}"
            )
        counts = f"{summary.sealed}, {summary.unsealed:,} not sealed yet"
        counts += f", {summary.accepted:,} late ones accepted" if summary.accepted else ""
        head = summary.head
        until = f"; the last seal is {head.number} of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC" if head else ""
        verdict = "the trail is not as it was written" if self._first else "the trail is as it was written"
        self._out.write(f"{counts}{until}: {verdict}")


class _AsJson:
    """Writes as it goes, so that a trail that was falsified from end to end needs no more memory than another."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._separator = '{"findings": ['

    def add(self, finding: Finding) -> None:
        document = {"what": finding.what, "number": finding.number, "problem": finding.problem}
        self._out.write(f"{self._separator}{json.dumps(document)}", ending="")
        self._separator = ",\n"

    def end(self, verification: Verification) -> None:
        opening = "" if self._separator == ",\n" else self._separator
        self._out.write(f'{opening}], "summary": {json.dumps(verification.summary.as_dict())}}}')
