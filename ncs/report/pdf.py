"""A report as PDF, made by a process of its own that ends in time."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ncs.errors import ReportCannotBeMade
from ncs.report.pictures import without
from ncs.report.shape import Pictures, Report, Table
from qhse.temporary import NoTemporarySpace, temporary_directory

logger = logging.getLogger("qhse.ncs")

PAINTER = Path(__file__).with_name("painter.py")
SECONDS = 6.0
SECONDS_WITHOUT_PICTURES = 3.0
AT_ONCE = 2  # in one process of the API: each takes some 135 MB, and up to 300 with large pictures
TURN_SECONDS = 5.0

_turns = threading.BoundedSemaphore(AT_ONCE)
_UNBROKEN = re.compile(r"\S{40}(?=\S)")
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
# Of the columns of a table: an action's title and what was done need room, a date does not.
_WIDTHS = {"Action": 3, "Done": 3, "Verified": 3, "State": 2, "Agreed on": 3, "Old → new": 5, "What": 3}
_BREAK = "\u200b"  # a place at which a line may be broken, shown as nothing


class Document(NamedTuple):
    """A PDF. It is whole unless a picture is left out that another try may show."""

    content: bytes
    is_whole: bool


def as_pdf(report: Report, pictures: Pictures) -> Document:
    """
    Return the report as PDF: tagged, with title and language.

    Pictures that cannot be painted are named instead. Raises ReportCannotBeMade, when the machine is too busy.
    """
    if not _turns.acquire(timeout=TURN_SECONDS):
        raise ReportCannotBeMade("Too many reports are being made; ask again shortly.")
    try:
        return _with_pictures_or_without(report, pictures)
    except NoTemporarySpace as failure:
        raise ReportCannotBeMade(failure.detail) from failure
    finally:
        _turns.release()


def _with_pictures_or_without(report: Report, pictures: Pictures) -> Document:
    try:
        return Document(_painted(report, pictures, SECONDS), pictures.is_whole)
    except _Failed:
        logger.exception("the report %s could not be made with its pictures", report.number)
    try:
        left_out = without(pictures, range(len(pictures.shown)))
        return Document(_painted(report, left_out, SECONDS_WITHOUT_PICTURES), is_whole=False)
    except _Failed as failure:
        logger.exception("the report %s could not be made", report.number)
        raise ReportCannotBeMade("The report could not be made now; ask again shortly.") from failure


class _Failed(Exception):
    """The painter ended without a document."""


def _painted(report: Report, pictures: Pictures, seconds: float) -> bytes:
    document, refused = _asked(report, pictures, seconds)
    if refused:  # once more, now with a sentence in the place of each
        document, _ = _asked(report, without(pictures, refused), seconds)
    return document


def _asked(report: Report, pictures: Pictures, seconds: float) -> tuple[bytes, Sequence[int]]:
    """Return what the painter has made, and the places of the pictures that it has refused."""
    with temporary_directory("qhse-report-") as directory:
        shown = []
        for place, picture in enumerate(pictures.shown):
            name = f"picture-{place}.{_ENDINGS[picture.media_type]}"
            (directory / name).write_bytes(picture.content)
            shown.append({"file": f"/{name}", "caption": _breakable(picture.caption)})
        order = {
            "report": _data(report) | {"pictures": shown, "notes": _breakable(pictures.notes)},
            "timestamp": int(datetime.fromisoformat(report.state_at).timestamp()),
        }
        answer, _, document = _run(json.dumps(order).encode(), str(directory), seconds).partition(b"\n")
    return document, json.loads(answer)["refused"]


def _run(order: bytes, directory: str, seconds: float) -> bytes:
    # Without our environment, which holds keys, and with nothing in it that could change how Python starts.
    command = [sys.executable, "-I", str(PAINTER)]
    try:
        done = subprocess.run(
            command, input=order, capture_output=True, timeout=seconds, cwd=directory, env={}, check=True
        )
    except subprocess.CalledProcessError as error:
        raise _Failed(f"exit code {error.returncode}: {error.stderr.decode(errors='replace')[-2_000:]}") from None
    except (subprocess.TimeoutExpired, OSError) as error:
        raise _Failed(str(error)[-2_000:]) from None
    return done.stdout


def _data(report: Report) -> dict[str, Any]:
    data: dict[str, Any] = _breakable(asdict(report))
    for section, given in zip(data["sections"], report.sections, strict=True):
        section["tables"] = [_table(each) for each in given.tables]
    return data | {"signatures": _table(report.signatures)}


def _table(table: Table) -> dict[str, Any]:
    data: dict[str, Any] = _breakable(asdict(table))
    return data | {"widths": [_WIDTHS.get(name, 2) for name in table.columns]}


def _breakable(value: Any) -> Any:
    """Let lines be broken within what people wrote without a space. Digests are left as they are: they fit."""
    if isinstance(value, str):
        return value if re.fullmatch("[0-9a-f]{64}", value) else _UNBROKEN.sub(rf"\g<0>{_BREAK}", value)
    if isinstance(value, dict):
        return {name: _breakable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_breakable(each) for each in value]
    return value
