"""The provable form of a dossier: a ZIP with proofs, files, the readable form, and an index with every digest."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from audit.proof.export import Exported, write_export
from audit.proof.findings import counted
from ncs.dossier.scopes import Scope
from ncs.errors import ReportCannotBeMade
from ncs.report.page import as_page
from ncs.report.pdf import as_pdf
from ncs.report.pictures import read_pictures
from ncs.report.shape import Report
from qhse.attachments import storage
from qhse.attachments.errors import StorageIsAway
from qhse.attachments.models import Attachment
from qhse.temporary import temporary_directory

MOST_FILE_BYTES = 200 * 1_048_576  # of all files together
CHUNK = 1_048_576
INDEX = "index.json"
README = """\
This is a dossier of the QHSE supply chain product.

report.html, report.pdf   what it says, for people
files/                    the files that were attached, as they were
proof/                    entries of the audit trail with their proofs, and the program that checks them
index.json                what is in here, with the SHA-256 of each file, and what is not, with the reason

To check the entries, without a network, with Python 3.11:   python3 proof/verify_export.py
To check the files:   compare their SHA-256 with index.json, and with the entries FILE_ATTACHED in proof/entries.jsonl
To check the whole:   the audit trail has the SHA-256 of this ZIP, as the id of its entry DOSSIER_MADE
"""


@dataclass(slots=True)
class _Index:
    """What the archive holds, and what was left out and why."""

    contents: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)


class _Archive:
    """Writes members in pieces, and computes their digests on the way. Memory does not grow with them."""

    def __init__(self, path: Path, root: str) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._root = root
        self.index = _Index()

    def add(self, name: str, pieces: Iterator[bytes] | list[bytes], **more: Any) -> None:
        digest, size = hashlib.sha256(), 0
        member = zipfile.ZipInfo(f"{self._root}/{name}")  # of 1980: the index tells when it was made
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o640 << 16
        with self._zip.open(member, "w", force_zip64=True) as written:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                written.write(piece)
        self.index.contents.append({"name": name, "size": size, "sha256": digest.hexdigest()} | more)

    def close(self) -> None:
        self._zip.close()


def write_bundle(scope: Scope, report: Report, *, described_as: dict[str, Any]) -> tuple[IO[bytes], Exported, str]:
    """
    Return an open ZIP, which vanishes when it is closed, what it exports, and its SHA-256. Nothing is recorded.

    What cannot be put in is named in the index: a file whose content is not what was attached, say. Raises
    NoTemporarySpace.
    """
    root = f"dossier-{scope.name}"
    with temporary_directory("qhse-dossier-") as directory:
        path, proof = directory / f"{root}.zip", directory / "proof"
        proof.mkdir()
        archive = _Archive(path, root)
        exported = write_export(scope.entries, proof, described_as=described_as)
        for each in sorted(proof.iterdir()):
            archive.add(f"proof/{each.name}", _pieces(each))
        for problem in exported.problems:
            archive.index.left_out.append({"what": "entry", "why": problem})
        if exported.unsealed:
            why = f"{counted(exported.unsealed, 'entry')} not sealed yet; a dossier that is made in a minute has them"
            archive.index.left_out.append({"what": "entries", "why": why})
        _add_report(archive, report)
        _add_files(archive, scope)
        archive.add("README.txt", [README.encode()])
        archive.add(INDEX, [_described(archive.index, report, exported)])
        archive.close()
        file = path.open("rb")  # the open file outlives its name
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return file, exported, digest


def _described(index: _Index, report: Report, exported: Exported) -> bytes:
    told = {
        "title": report.title, "state_at": report.state_at, "entries": exported.entries,
        "manifest_sha256": exported.sha256, "contents": index.contents, "left_out": index.left_out,
    }  # fmt: skip
    return json.dumps(told, indent=2, ensure_ascii=False).encode(errors="backslashreplace")


def _add_report(archive: _Archive, report: Report) -> None:
    pictures = read_pictures(report.files)
    archive.add("report.html", [as_page(report, pictures).encode(errors="backslashreplace")])
    try:
        archive.add("report.pdf", [as_pdf(report, pictures).content])
    except ReportCannotBeMade as failure:
        archive.index.left_out.append({"what": "report.pdf", "why": failure.detail})


def _add_files(archive: _Archive, scope: Scope) -> None:
    room = MOST_FILE_BYTES
    for each in scope.files.iterator(chunk_size=200):
        name = f"files/{each.pk}-{_safe(each.name)}"
        why = "the files would be too large together" if each.size > room else _objection(each)
        if why:
            archive.index.left_out.append({"what": name, "sha256": each.sha256, "size": each.size, "why": why})
            continue
        room -= each.size
        with storage.opened(each.stored_as) as content:
            archive.add(name, _read(content), entity_type=each.entity_type, entity_id=each.entity_id)


def _objection(attachment: Attachment) -> str:
    """Return why a file is left out, or nothing. It is read twice: what is in the archive cannot be taken out again."""
    digest, size = hashlib.sha256(), 0
    try:
        with storage.opened(attachment.stored_as) as content:
            while piece := content.read(CHUNK):
                size += len(piece)
                if size > attachment.size:
                    break
                digest.update(piece)
    except (StorageIsAway, OSError):
        return "its content could not be read"
    return "" if digest.hexdigest() == attachment.sha256 else "its content is not what was attached"


def _safe(name: str) -> str:
    """Return a file's name as a member of an archive: no way out of its folder, whatever system unpacks it."""
    kept = "".join(each if each.isalnum() or each in " ._-()" else "_" for each in name).strip(" .")
    return kept[-120:] or "file"


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece
