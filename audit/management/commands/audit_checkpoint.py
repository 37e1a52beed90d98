"""`manage.py audit_checkpoint`."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.proof.checkpoints import checkpoint_of, read_checkpoints
from audit.proof.reading import newest_seal
from audit.proof.verification import checkpoint_problems


class Command(BaseCommand):
    help = (
        "Print the last seal of the audit trail, to be kept where the database's owner cannot write: nothing up to it "
        "can then be cut off or written anew without verify_audit_trail --checkpoint noticing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--append", type=Path, metavar="FILE",
            help="append it to this file too, unless the trail contradicts the checkpoints in there (exit code 1)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        head = newest_seal()
        if head is None:
            raise CommandError("nothing is sealed yet; a worker seals every AUDIT_SEAL_INTERVAL seconds")
        line = json.dumps(checkpoint_of(head))
        if options["append"]:
            _append(options["append"], line)
        self.stdout.write(line)


def _append(path: Path, line: str) -> None:
    try:
        former = path.read_text() if path.exists() else ""
        problems = [str(finding) for finding in checkpoint_problems(read_checkpoints(former) if former.strip() else [])]
        if problems:
            raise CommandError("\n".join([f"{path} was left as it is:", *problems]))
        with path.open("a") as file:
            file.write(("" if former.endswith("\n") or not former else "\n") + line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        raise CommandError(f"--append {path}: {error}", returncode=2) from error
