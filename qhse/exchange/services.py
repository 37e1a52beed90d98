"""What people do with an import: check a file, set it up anew, start it, cancel it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.services import record
from qhse.accounts.models import User
from qhse.attachments.names import file_name
from qhse.database import bound_transaction
from qhse.errors import InvalidInput, demand_version
from qhse.exchange.checking import (
    Check,
    assigned,
    check_rows,
    doubled_columns,
    head_of,
    matched,
    missing_columns,
    with_doubts,
)
from qhse.exchange.errors import (
    FileNameIsUnreadable,
    ImportHasStarted,
    ImportIsNotReady,
    ImportNotFound,
    TableIsRefused,
)
from qhse.exchange.models import ENDED, ImportJob, ImportMode, ImportPiece, ImportStatus
from qhse.exchange.registry import ImportKind, kind_of
from qhse.exchange.tables import Row, read_table
from qhse.observability import context
from qhse.wakeup import wake_workers

PIECE_ROWS = 500
KEPT_DAYS = 7  # of a preview that nobody starts


def check_import(*, kind: str, name: str, content: BinaryIO, mode: str) -> tuple[ImportJob, list[Row]]:
    """
    Return an import that is not stored, with its rows: which columns are meant, and what each row would do.

    Raises KindIsUnknown, FileNameIsUnreadable, and what `read_table` raises.
    """
    of, mode = kind_of(kind), _mode(mode)
    name = file_name(name)
    if not name:
        raise FileNameIsUnreadable("The file needs a name that can be read.", field="file")
    table = read_table(content, name)
    head = head_of(of, table.rows)
    rows = table.rows[head + 1 :]
    if not rows:
        raise TableIsRefused("The file has names of columns, and no row below them.", field="file")
    columns = with_doubts(of, matched(of, table.rows[head].cells), rows, from_1904=_from_1904(table.facts))
    job = ImportJob(
        kind=of.name,
        file_name=name,
        size=table.size,
        sha256=table.sha256,
        facts=table.facts,
        mode=mode,
        columns=columns,
        rows_total=len(rows),
        **_foreseen(_checked(of, columns, rows)),
    )
    return job, rows


def preview_import(*, kind: str, name: str, content: BinaryIO, mode: str, actor: User) -> ImportJob:
    """
    Check a file that is to be imported, as `check_import`, and store what was found. It imports nothing.

    The import, its rows and its audit entry are stored together or not at all. The file is read and checked before
    that, without a lock. A repetition checks it once more, as another import.

    Raises what `check_import` raises.
    """
    job, rows = check_import(kind=kind, name=name, content=content, mode=mode)
    job.created_by, job.request_id = actor, context.current().request_id
    with transaction.atomic():
        job.save(force_insert=True)
        ImportPiece.objects.bulk_create(
            ImportPiece(job=job, place=place, rows=[list(row) for row in rows[place : place + PIECE_ROWS]])
            for place in range(0, len(rows), PIECE_ROWS)
        )
        told: dict[str, Any] = {"import_kind": job.kind, "file_name": job.file_name, "sha256": job.sha256}
        told |= {"mode": job.mode, "rows_total": job.rows_total, "foreseen_bad": job.foreseen_bad}
        _record(job, actor, "IMPORT_PREVIEWED", {each: (None, value) for each, value in told.items()})
    job.refresh_from_db()
    return job


@transaction.atomic
def change_import(
    *,
    import_id: int,
    columns: Sequence[str | None] | None = None,
    mode: str | None = None,
    actor: User,
    expected_versions: Collection[int] | None = None,
) -> ImportJob:
    """
    Set up an import anew before it starts: which field each column means, and what happens to bad rows.

    All rows are checked again. Row and audit entry are stored together or not at all. Locks the import. The same values
    again store nothing.

    Raises ImportNotFound, ImportHasStarted, RecordHasChanged, ColumnsDoNotFit.
    """
    job = _locked_preview(import_id, expected_versions)
    of = kind_of(job.kind)
    mode = job.mode if mode is None else _mode(mode)
    before = [each["field"] for each in job.columns]
    changes: dict[str, Any] = {"mode": (job.mode, mode)} if mode != job.mode else {}
    found = None
    if columns is not None and (list(columns) != before or doubled_columns(job.columns)):
        rows = rows_of(job)
        chosen = assigned(of, job.columns, columns)
        job.columns = with_doubts(of, chosen, rows, from_1904=_from_1904(job.facts))
        found = _checked(of, job.columns, rows)
        changes["import_columns"] = (_told(before), _told(columns))
    if not changes:
        return job
    values = {"mode": mode, "columns": job.columns} | ({} if found is None else _foreseen(found))
    _store(job, values)
    _record(job, actor, "IMPORT_CHANGED", changes)
    return job


@transaction.atomic
def start_import(*, import_id: int, actor: User, expected_versions: Collection[int] | None = None) -> ImportJob:
    """
    Let the workers import what was checked. Its records are then written in the name of who has started it.

    Row and audit entry are stored together or not at all. Locks the import. Starting one that runs changes nothing.

    Raises ImportNotFound, ImportHasStarted if it has ended, RecordHasChanged, and ImportIsNotReady, which says what is
    missing.
    """
    job = _locked(import_id)
    demand_version(job.version, expected_versions)
    if job.status == ImportStatus.RUNNING:
        return job
    if job.status != ImportStatus.PREVIEWED:
        raise ImportHasStarted(f"The import has ended: {job.get_status_display().lower()}.")
    if why := job.not_ready:
        raise ImportIsNotReady(why)
    # What its rows leave in the trail carries it: so it is known of a record which import has written to it.
    request_id = context.accept_request_id(context.current().request_id)
    _store(job, {"status": ImportStatus.RUNNING, "started_by": actor, "started_at": Now(), "problems": [],
                 "problems_in_all": 0, "request_id": request_id})  # fmt: skip
    job.refresh_from_db()
    changes = {"import_status": (ImportStatus.PREVIEWED.value, ImportStatus.RUNNING.value)}
    _record(job, actor, "IMPORT_STARTED", changes, request_id)
    wake_workers()
    return job


@transaction.atomic
def start_good_rows(*, import_id: int, actor: User, expected_versions: Collection[int] | None = None) -> ImportJob:
    """Leave the rows with errors out, and start: `change_import` and `start_import`, together or not at all."""
    change_import(import_id=import_id, mode=ImportMode.GOOD_ROWS, actor=actor, expected_versions=expected_versions)
    return start_import(import_id=import_id, actor=actor)


@transaction.atomic
def cancel_import(
    *, import_id: int, actor: User | None, why: str = "", expected_versions: Collection[int] | None = None
) -> ImportJob:
    """
    End an import before its end. Rows that are stored stay; of all rows or none, none is stored.

    Row and audit entry are stored together or not at all. Locks the import. Cancelling a cancelled one changes nothing.

    Raises ImportNotFound, RecordHasChanged, ImportHasStarted if it has ended otherwise.
    """
    job = _locked(import_id)
    demand_version(job.version, expected_versions)
    if job.status == ImportStatus.CANCELLED:
        return job
    if job.status in ENDED:
        raise ImportHasStarted(f"The import has ended: {job.get_status_display().lower()}.")
    before = job.status
    _store(job, {"status": ImportStatus.CANCELLED, "ended_at": Now(), "why": why})
    job.pieces.all().delete()
    job.refresh_from_db()
    _record(job, actor, "IMPORT_CANCELLED", {"import_status": (before, ImportStatus.CANCELLED.value)})
    return job


def forget_previews() -> int:
    """
    Cancel the checks that nobody has started for KEPT_DAYS, some at a time. Return how many.

    Each is a transaction of its own. One that somebody else has ended meanwhile is passed over.
    """
    forgotten = 0
    for import_id in _unstarted():
        with suppress(ImportHasStarted), transaction.atomic():
            bound_transaction(lock=1, statement=5)
            cancel_import(import_id=import_id, actor=None, why=f"Nobody has started it for {KEPT_DAYS} days.")
            forgotten += 1
    return forgotten


@transaction.atomic
def _unstarted() -> list[int]:
    bound_transaction(lock=1, statement=5)
    kept = timedelta(days=KEPT_DAYS)
    # What a clock stamped that was further ahead would be kept for as long as it was.
    is_old = Q(created_at__lt=Now() - kept) | Q(created_at__gt=Now() + kept)
    old = ImportJob.objects.filter(is_old, status=ImportStatus.PREVIEWED)
    return list(old.order_by("id").values_list("pk", flat=True)[:20])


def found(import_id: int) -> ImportJob:
    """Raises ImportNotFound."""
    job = ImportJob.objects.filter(pk=import_id).first()
    if job is None:
        raise ImportNotFound(f"There is no import {import_id}.")
    return job


def rows_of(job: ImportJob) -> list[Row]:
    pieces = job.pieces.order_by("place").values_list("rows", flat=True)
    return [Row(*row) for piece in pieces for row in piece]


def _checked(of: ImportKind, columns: Sequence[Any], rows: Sequence[Row]) -> Check:
    if missing_columns(of, columns):
        return Check()  # every row would lack the same
    return check_rows(of, columns, rows)


def _foreseen(found: Check) -> dict[str, Any]:
    return {
        "foreseen_new": found.new,
        "foreseen_known": found.known,
        "foreseen_bad": found.bad,
        "problems": found.problems,
        "problems_in_all": found.problems_in_all,
        "repeated": found.repeated,
    }


def _from_1904(facts: dict[str, Any]) -> bool:
    return bool(facts.get("from_1904"))


def _mode(mode: str) -> str:
    if mode not in ImportMode.values:
        raise InvalidInput(f"Must be one of {', '.join(ImportMode.values)}.", field="mode")
    return mode


def _told(fields: Sequence[str | None]) -> str:
    return ", ".join(each or "–" for each in fields)


def _locked(import_id: int) -> ImportJob:
    job = ImportJob.objects.select_for_update(no_key=True, of=("self",)).filter(pk=import_id).first()
    if job is None:
        raise ImportNotFound(f"There is no import {import_id}.")
    return job


def _locked_preview(import_id: int, expected_versions: Collection[int] | None) -> ImportJob:
    job = _locked(import_id)
    demand_version(job.version, expected_versions)
    if job.status != ImportStatus.PREVIEWED:
        raise ImportHasStarted("An import that has started cannot be set up anew. Check the file once more.")
    return job


def _store(job: ImportJob, values: dict[str, Any]) -> None:
    ImportJob.objects.filter(pk=job.pk).update(**values, version=job.version + 1)
    for name, value in values.items():
        setattr(job, name, value)
    job.version += 1


def _record(
    job: ImportJob, actor: User | None, action: str, changes: dict[str, Any], request_id: str | None = None
) -> None:
    record(
        actor=actor,
        action=action,
        entity_type="import",
        entity_id=job.pk,
        changes=changes,
        request_id=request_id,
    )
