"""Dossiers are made here, in one of three forms. Each leaves an entry in the trail with its SHA-256."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from django.db import transaction

from audit.proof.export import TooManyEntries, demand_bounds, record_export
from audit.services import record
from ncs.dossier.bundle import write_bundle
from ncs.dossier.content import content_of
from ncs.dossier.scopes import Scope
from ncs.errors import DossierIsTooLarge, ReportCannotBeMade
from ncs.report.download import HTML, PDF
from ncs.report.page import as_page
from ncs.report.pdf import as_pdf
from ncs.report.pictures import read_pictures
from qhse.accounts.models import User
from qhse.temporary import NoTemporarySpace

ZIP = "application/zip"
FORMS = (ZIP, PDF, HTML)
ENDINGS = {ZIP: "zip", PDF: "pdf", HTML: "html"}
ACTION, ENTITY = "DOSSIER_MADE", "dossier"
TURN_SECONDS = 5.0

_turn = threading.BoundedSemaphore(1)  # in one process: a large one keeps a processor and a disk busy for seconds


@dataclass(frozen=True, slots=True)
class Dossier:
    """A file to be saved, open for reading."""

    file: IO[bytes]
    filename: str
    media_type: str
    sha256: str


def make_dossier(scope: Scope, *, form: str, actor: User) -> Dossier:
    """
    Make a dossier as ZIP, PDF or HTML. No transaction is open meanwhile; what it says is of about one moment.

    The trail records who took what, with the SHA-256 of the file as the record id; of a ZIP also the export in it. What
    is not recorded is not given away.

    Raises DossierIsTooLarge, ReportCannotBeMade.
    """
    with _a_turn():
        if form == ZIP:
            return _zipped(scope, actor)
        report = content_of(scope, actor=actor)
        pictures = read_pictures(report.files)
        content = as_pdf(report, pictures).content if form == PDF else as_page(report, pictures).encode()
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        _record(scope, form, digest, actor)
    return Dossier(io.BytesIO(content), _filename(scope, form), form, digest)


def _zipped(scope: Scope, actor: User) -> Dossier:
    try:
        demand_bounds(scope.entries)
    except TooManyEntries as refusal:
        raise DossierIsTooLarge(str(refusal), field="from" if scope.days else "entity_id") from refusal
    described_as = {"dossier": scope.name, **scope.described_as}
    try:
        file, exported, digest = write_bundle(scope, content_of(scope, actor=actor), described_as=described_as)
    except NoTemporarySpace as failure:
        raise ReportCannotBeMade(failure.detail) from failure
    try:
        with transaction.atomic():
            record_export(exported, described_as=described_as, actor=actor)
            _record(scope, ZIP, digest, actor, entries=(None, exported.entries), manifest=(None, exported.sha256))
    except BaseException:
        file.close()
        raise
    return Dossier(file, _filename(scope, ZIP), ZIP, digest)


def _record(scope: Scope, form: str, digest: str, actor: User, **more: Any) -> None:
    changes = {"about": (None, scope.title), "filter": (None, scope.described_as), "form": (None, ENDINGS[form])}
    record(actor=actor, action=ACTION, entity_type=ENTITY, entity_id=digest, changes=changes | more)


def _filename(scope: Scope, form: str) -> str:
    return f"dossier-{scope.name}.{ENDINGS[form]}"


@contextmanager
def _a_turn() -> Iterator[None]:
    if not _turn.acquire(timeout=TURN_SECONDS):
        raise ReportCannotBeMade("Another dossier is being made; ask again shortly.")
    try:
        yield
    finally:
        _turn.release()
