"""`manage.py export_records`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from qhse.api.listed import ListIsUnknown, QueryIsRefused, list_asked_for
from qhse.exporting.errors import ListIsTooLong
from qhse.exporting.exports import ExportStream, Form, export_by_system
from qhse.temporary import NoTemporarySpace

FORMS = {"csv": Form.CSV, "excel-csv": Form.EXCEL_CSV, "xlsx": Form.XLSX}


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise ArgumentTypeError(f"must be NAME=VALUE, such as status=OPEN, not {text!r}")
    return name, value


class Command(BaseCommand):
    help = (
        "Write a list of the API into a new file, as an administrator would read it: whole, filtered and ordered by "
        "the list's own parameters. The trail records the export with the SHA-256 of the file. Exit code 1: it could "
        "not be written, or has more rows than the form holds. 2: there is no such list, or an argument is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("list", metavar="LIST", help="an address of the API: suppliers, ncs, ncs/12/timeline")
        parser.add_argument("--format", choices=FORMS, default="csv", help="csv is for programs, excel-csv for Excel")
        parser.add_argument(
            "--filter", type=_pair, action="append", default=[], metavar="NAME=VALUE",
            help="a parameter of the list, such as status=OPEN or ordering=-name; repeat it for several",
        )  # fmt: skip
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path = options["output"]
        try:
            asked = list_asked_for(options["list"], options["filter"])
        except ListIsUnknown as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        except QueryIsRefused as refusal:
            raise CommandError(f"--filter: {refusal}", returncode=2) from refusal
        if output.exists():
            raise CommandError(f"--output: {output} exists already", returncode=2)
        try:
            stream = _write(partial(export_by_system, asked, FORMS[options["format"]]), output)
        except (ListIsTooLong, NoTemporarySpace) as refusal:
            raise CommandError(refusal.detail) from refusal
        except OSError as error:
            raise CommandError(f"--output: {error}") from error
        self.stdout.write(f"{stream.rows:,} rows in {output}; SHA-256 {stream.sha256}")


def _write(begin: Callable[[], ExportStream], output: Path) -> ExportStream:
    """
    Write the file under another name first: what was broken off never stands under its own.

    It is there before the export begins. So the trail tells of none that had nowhere to go.
    """
    with NamedTemporaryFile(prefix=f".{output.name}-", dir=output.parent, delete=False) as draft:
        try:
            with closing(begin()) as stream, tqdm(total=stream.total, unit="row", disable=None) as bar:
                for chunk in stream:
                    draft.write(chunk)
                    bar.update(stream.rows - bar.n)
            draft.flush()
            os.fsync(draft.fileno())
            _give_name(Path(draft.name), output)
            return stream
        finally:
            Path(draft.name).unlink(missing_ok=True)


def _give_name(draft: Path, output: Path) -> None:
    """Raises FileExistsError where a file has come meanwhile. A memory stick knows neither modes nor second names."""
    with suppress(PermissionError):
        draft.chmod(0o640)
    try:
        os.link(draft, output)
    except FileExistsError:
        raise
    except OSError:
        output.touch(0o640, exist_ok=False)
        draft.replace(output)
