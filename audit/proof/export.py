"""Exports of sealed entries with their proofs, to be checked offline."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, NamedTuple

from django.db import transaction
from django.db.models import Min, QuerySet

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import verify_export
from audit.proof.documents import seal_document
from audit.proof.marks import MarkOwner, mark_owner
from audit.proof.reading import SEALS_AT_ONCE, batches, newest_seal, read
from audit.proof.selection import SealedSelection
from audit.proof.verify_export import ENTRIES, MANIFEST, SEALS, VERSION, canonical, manifest_bytes
from audit.services import Actor, record
from qhse.database import database_time
from qhse.exporting import recording
from qhse.temporary import temporary_directory

MOST_IN_ZIP = 20_000
MOST_SEALS_IN_ZIP = 10_000


@dataclass(frozen=True, slots=True)
class Exported:
    """
    What an export holds. `unsealed` entries were chosen too, but no seal covered them when it began.

    `problems` name what was chosen and is not as it was written. That is left out, so that the rest can be proven.
    With its `created_at` and its last seal, `end`, it can be made again, byte for byte.
    """

    entries: int
    unsealed: int
    sha256: str
    problems: list[str]
    created_at: str
    end: int


class Again(NamedTuple):
    """An export that the trail has: when it was begun, its last seal, and the digest of its manifest."""

    created_at: str
    end: int
    sha256: str


class NotTheSame(Exception):
    """What was chosen holds other entries by now."""


def export_entries(
    chosen: QuerySet[AuditEntry],
    directory: Path,
    *,
    described_as: dict[str, Any],
    actor: Actor | None,
    step: Callable[[], object] = lambda: None,
    again: Again | None = None,
) -> Exported:
    """
    Write the chosen sealed entries into a new directory, with seals, manifest and verifier.

    There is a whole export or none. The trail records it, with the SHA-256 of the manifest as the record id: that shows
    a later change. `step` is called after each seal. Memory does not grow with the number of entries. An export that is
    made `again` and comes out the same is in the trail already.
    Raises FileExistsError, and OSError when it cannot be written.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} exists already")
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        exported = write_export(chosen, draft, described_as=described_as, step=step, again=again)
        if again is None:
            with transaction.atomic():
                record_export(exported, described_as=described_as, actor=actor)
        elif exported.sha256 != again.sha256:
            raise NotTheSame
        with suppress(PermissionError):  # of a memory stick, which knows no modes
            draft.chmod(0o750)
        draft.rename(directory)  # after the commit: no export that the trail does not know of
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return exported


def record_export(exported: Exported, *, described_as: dict[str, Any], actor: Actor | None) -> None:
    """Store in the trail what was exported, in the transaction of the caller."""
    record(
        actor=actor, action="AUDIT_TRAIL_EXPORTED", entity_type="audit_trail", entity_id=exported.sha256,
        changes={"filter": (None, described_as), "entries": (None, exported.entries)},
    )  # fmt: skip
    recording.react_to(recording.Exported(
        name="audit-log", about=AuditEntry._meta.label_lower, form="with proofs", filter=described_as,
        rows=exported.entries, sha256=exported.sha256, is_complete=True, actor=actor,
    ))  # fmt: skip


class TooManyEntries(Exception):
    """More than a page may export. The message says what to do instead."""


def export_as_zip(
    chosen: QuerySet[AuditEntry], *, described_as: dict[str, Any], actor: Actor, again: Again | None = None
) -> tuple[IO[bytes], Exported]:
    """
    Return an export as an open ZIP file, which vanishes when it is closed.

    An export that is made `again` leaves no second entry in the trail. If other entries match by now it is a new one.
    Raises TooManyEntries for more than MOST_IN_ZIP entries, or MOST_SEALS_IN_ZIP seals; see also `export_entries`.
    """
    demand_bounds(chosen)
    with temporary_directory("audit-export-") as parent:
        directory = parent / "audit-export"
        try:
            exported = export_entries(chosen, directory, described_as=described_as, actor=actor, again=again)
        except NotTheSame:
            exported = export_entries(chosen, directory, described_as=described_as, actor=actor)
        archive = shutil.make_archive(str(directory), "zip", root_dir=parent, base_dir=directory.name)
        return Path(archive).open("rb"), exported  # the open file outlives its name


def demand_bounds(chosen: QuerySet[AuditEntry]) -> None:
    """Raise TooManyEntries if this is more than somebody can wait for."""
    if _are_more(chosen, MOST_IN_ZIP):
        raise TooManyEntries(
            f"At most {MOST_IN_ZIP:,} entries here: narrow the list, or use manage.py export_audit_trail."
        )
    places = SealedEntry.objects.filter(entry_id__in=list(chosen.order_by().values_list("pk", flat=True)))
    first = places.aggregate(first=Min("seal_id"))["first"]
    if first is not None and _are_more(AuditSeal.objects.filter(number__gte=first), MOST_SEALS_IN_ZIP):
        raise TooManyEntries(
            f"More than {MOST_SEALS_IN_ZIP:,} seals follow the first of these entries, and the proof is the chain of "
            "all: choose younger entries, or use manage.py export_audit_trail."
        )


def _are_more(rows: QuerySet[Any], most: int) -> bool:
    return rows.order_by()[: most + 1].count() > most


def write_export(
    chosen: QuerySet[AuditEntry],
    directory: Path,
    *,
    described_as: dict[str, Any],
    step: Callable[[], object] = lambda: None,
    again: Again | None = None,
) -> Exported:
    """Write the files of an export into a directory that is there, and record nothing. See `export_entries`."""
    chosen = chosen.order_by()
    head = newest_seal(number=again.end) if again else newest_seal()
    created_at = again.created_at if again else database_time().astimezone(UTC).isoformat()
    end = head.number if head else 0  # what is sealed meanwhile is not in it
    good = SealedSelection(chosen, end)
    entries, entries_sha256 = _write_lines(directory / ENTRIES, good.lines(step))
    first = good.first_seal or end
    seals, seals_sha256 = _write_lines(directory / SEALS, _chain(first, end))
    # Not what is unsealed now: entries sealed since the head was read are not in it either.
    missing = max(chosen.count() - entries, 0)
    manifest = {
        "version": VERSION, "created_at": created_at, "filter": described_as,
        "entries": entries, "entries_sha256": entries_sha256, "left_out_because_not_sealed": missing,
        "seals": seals, "seals_sha256": seals_sha256, "first_seal": first, "head": head and head.hash,
    }  # fmt: skip
    raw = manifest_bytes(manifest)
    (directory / MANIFEST).write_bytes(raw)
    shutil.copyfile(verify_export.__file__, directory / "verify_export.py")
    digest = hashlib.sha256(raw).hexdigest()
    return Exported(entries, max(missing - good.left_out, 0), digest, good.problems, created_at, end)


def _write_lines(path: Path, documents: Iterable[dict[str, Any]]) -> tuple[int, str]:
    """Write a document on each line. Return their number and the SHA-256 of the file."""
    count, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for document in documents:
            text = canonical(document) + b"\n"
            digest.update(text)
            file.write(text)
            count += 1
    return count, digest.hexdigest()


def _chain(first: int, last: int) -> Iterator[dict[str, Any]]:
    """
    Yield the seals of the application, past the ones that others have inserted.

    A foreign one that the next seal of the application names as its predecessor is in the chain: sealers once went on
    behind those.
    """
    hash_, foreign = "", list[AuditSeal]()
    numbers = AuditSeal.objects.filter(number__range=(first, last)).order_by("number").values_list("number", flat=True)
    for batch in batches(numbers.iterator(), SEALS_AT_ONCE):
        found = read(AuditSeal, batch)
        for seal in filter(None, map(found.one, batch)):
            if mark_owner(seal) is MarkOwner.NOBODY:
                foreign.append(seal)
                continue
            linked = [seal] if seal.previous_hash == hash_ or not hash_ else [*foreign, seal]
            yield from (seal_document(one) | {"hash": one.hash} for one in linked)
            hash_, foreign = seal.hash, []
