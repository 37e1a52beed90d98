"""`manage.py audit_checkpoint`."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from io import FileIO
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit.models import AuditSeal, SealingTurn
from audit.proof.checkpoints import Checkpoint, checkpoint_of, contradictions
from audit.proof.documents import seal_document
from audit.proof.reading import newest_seal
from audit.proof.restores import declare_restore, is_declared
from audit.proof.verify_export import Unreadable, encoding_of, read_checkpoints, seal_hash
from qhse.text import plain


class Command(BaseCommand):
    help = (
        "Print the last seal of the audit trail, to be kept where the database's owner cannot write: nothing up to it "
        "can then be cut off or written anew without verify_audit_trail --checkpoint noticing. Exit code 1: the last "
        "seal is not genuine, or the trail contradicts the file; 2: the file cannot be read or written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--append", type=Path, metavar="FILE",
            help="append it to this file too, unless the trail contradicts the checkpoints in there (exit code 1)",
        )  # fmt: skip

        parser.add_argument(
            "--restored", metavar="REASON",
            help="with --append: the database was restored from a backup, and the seals that the file names and the "
            "trail has lost were lost by that. The trail records it; verify_audit_trail tells of it for ever",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        restored = plain(options["restored"] or "")
        if options["restored"] is not None and not (options["append"] and restored):
            raise CommandError("--restored needs --append FILE, and says why")
        head = _genuine_head()
        line = checkpoint_of(head)
        if options["append"]:
            try:
                with transaction.atomic():  # what cannot be written to the file is not declared either
                    line = _append(options["append"], line, restored)
            except (OSError, Unreadable) as error:
                raise CommandError(f"--append {options['append']}: {error}", returncode=2) from error
        self.stdout.write(json.dumps(line))


def _genuine_head() -> AuditSeal:
    head = newest_seal()
    noted = SealingTurn.objects.values_list("seal", flat=True).first()
    if noted and (head is None or head.number != noted):
        raise CommandError(
            f"seal {noted} was the last one, and is not there, or not the application's (verify_audit_trail says "
            "more), or its key is not known here: set AUDIT_KEY_FALLBACKS"
        )
    if head is None:
        raise CommandError("nothing is sealed yet; a worker seals every AUDIT_SEAL_INTERVAL seconds")
    if seal_hash(seal_document(head)) != head.hash:
        raise CommandError(f"seal {head.number} is the last one, and was changed: see verify_audit_trail")
    return head


def _append(path: Path, checkpoint: Checkpoint, restored: str) -> Checkpoint:
    """Append the checkpoint to the file, in the file's encoding. Return it with what a restore has lost."""
    former = path.read_bytes() if path.exists() else b""
    is_empty = not former.decode(encoding_of(former), errors="replace").strip()
    kept, lost = ([], []) if is_empty else read_checkpoints(former)
    contradicted = list(contradictions([*kept, *lost]))
    undeclared = [(one, problem) for one, problem in contradicted if not is_declared(one)]
    if restored:
        if not undeclared:
            raise CommandError(f"no restore to declare: the trail has lost none of the checkpoints in {path}")
        declare_restore([one for one, _ in undeclared], actor=None, reason=restored)
    elif undeclared:
        problems = [f"seal {one['number']}: {problem}" for one, problem in undeclared]
        raise CommandError("\n".join([f"{path} was left as it is:", *problems]))
    # What the trail has recorded as lost is named in the file too: whoever checks an export has nothing else.
    lost = [one for one, _ in contradicted if one in kept]
    line = checkpoint | ({"lost": lost} if lost else {})
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(former[:2], "utf-8")
    text = former.decode(encoding)
    new_text = ("" if text.endswith("\n") or not former else "\n") + json.dumps(line) + "\n"
    with path.open("ab", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        try:
            _write_whole(file, new_text.encode(encoding))
        except OSError:
            file.truncate(length)  # half a line would be no checkpoint
            raise
    return line


def _write_whole(file: FileIO, raw: bytes) -> None:
    while raw:
        raw = raw[file.write(raw) :]
    os.fsync(file.fileno())
