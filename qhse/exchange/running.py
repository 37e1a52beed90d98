"""
Running imports: each row goes through the service of its kind, in the name of who has started the import.

`all_or_nothing` is one transaction. `good_rows` commits ROWS_AT_ONCE rows with their counts, so that a run that was
killed goes on behind the last row that is stored. Whoever runs an import has its turn, an advisory lock: of several
workers one does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from audit.services import record
from qhse import clock
from qhse.accounts.models import User
from qhse.database import SqlState, sqlstate, take_turn
from qhse.errors import DomainError
from qhse.exchange import signs
from qhse.exchange.beats import Beat, ImportWasCancelled
from qhse.exchange.checking import MOST_PROBLEMS, Problem, problem, read_row, refused, repeated
from qhse.exchange.models import ImportJob, ImportMode, ImportPiece, ImportStatus
from qhse.exchange.registry import ImportKind, Outcome, kind_of, may_import
from qhse.exchange.services import PIECE_ROWS
from qhse.exchange.tables import Row
from qhse.observability import context

logger = logging.getLogger("qhse.exchange")

ROWS_AT_ONCE = 100
MAY_NOT = "Who has started it may not import this any more."
MOST_STARTS = 5  # without coming forward; then it is given up
_TURNS = 0x494D504F << 32  # the upper half of our advisory locks; the lower one is the import
Tell = Callable[[int], None]
_OUTCOMES = {Outcome.NEW: "rows_new", Outcome.CHANGED: "rows_changed", Outcome.SAME: "rows_same"}


class RightIsGone(Exception):
    """Who has started it may not import this any more."""


@dataclass(slots=True)
class Done:
    """What has been done with some rows."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*_OUTCOMES.values(), "rows_refused"], 0))
    problems: list[Problem] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def run_waiting(*, tell: Tell | None = None) -> int:
    """
    Run the imports that have been started and that nobody else is at, oldest first. Return how many were run.

    One that waits too long for a lock of somebody else is left to the next run. The others do not wait for it.
    """
    waiting = ImportJob.objects.filter(status=ImportStatus.RUNNING).order_by("started_at", "pk")
    return sum(_run_unless_locked(import_id, tell) for import_id in list(waiting.values_list("pk", flat=True)))


def _run_unless_locked(import_id: int, tell: Tell | None) -> bool:
    try:
        return run_import(import_id, tell=tell)
    except OperationalError as error:
        if sqlstate(error) != SqlState.LOCK_NOT_AVAILABLE:
            raise
        logger.warning("import %s: somebody else holds what its rows write to; it waits for the next run", import_id)
        # Not the import's fault, so no start that counts: an import of all rows or none may hold locks for long.
        ImportJob.objects.filter(pk=import_id, tried__gt=0).update(tried=F("tried") - 1)
        return False


def run_import(import_id: int, *, tell: Tell | None = None, source: str = "worker") -> bool:
    """
    Run an import to its end. False if it does not wait, or somebody else is at it.

    All its rows are of one day, that on which somebody has started it, though it may run past midnight, and go on in
    another process: two that say the same are due on the same day. What a row's service refuses is an error of the row.
    What the database cannot do now is raised, and the import waits for the next run; after MOST_STARTS that did not
    come forward it has failed.
    """
    job = _begun(import_id)
    if job is None or job.started_by is None or job.started_at is None:
        return False
    with context.use(request_id=job.request_id, source=source), clock.one_day(clock.day_of(job.started_at)):
        if job.tried > MOST_STARTS:
            _end(job, ImportStatus.FAILED, why="It was started several times, and ended before its end.")
        elif job.mode == ImportMode.ALL_OR_NOTHING:
            return _run_whole(job, tell)
        else:
            while _run_piece(job, tell):
                pass
    return True


def _begun(import_id: int) -> ImportJob | None:
    with transaction.atomic():
        if not take_turn(_TURNS + import_id):
            return None
        running = ImportJob.objects.filter(pk=import_id, status=ImportStatus.RUNNING)
        if not running.update(tried=F("tried") + 1, beat_at=Now()):
            return None
        return running.select_related("started_by").get()


# --- All rows or none -------------------------------------------------------------------------------------------------


def _run_whole(job: ImportJob, tell: Tell | None) -> bool:
    """
    Import all rows, or none. False if somebody else is at it.

    Whether who has started it still may is asked before each hundred rows, so that locks of rows end early. It is asked
    once more at the end, and then the user is locked: who deactivates that user waits for our commit, or we see it.
    """
    done = Done()
    try:
        with transaction.atomic():
            if not take_turn(_TURNS + job.pk):
                return False
            with Beat(job) as beat:
                _lock_all(job)
                for rows in _all_rows(job):
                    _demand_right(job, User.objects.all())
                    _write_rows(job, rows, done)
                    beat.tell(done.rows)
                    _say(tell, done.rows)
            locked = ImportJob.objects.select_for_update(no_key=True, of=("self",)).get(pk=job.pk)
            if locked.status != ImportStatus.RUNNING:
                raise ImportWasCancelled
            if done.problems:
                transaction.set_rollback(True)
            else:
                _demand_right(job, User.objects.select_for_update(no_key=True))
                _end(job, ImportStatus.DONE, counts=done.counts)
    except RightIsGone:
        _end(job, ImportStatus.FAILED, why=MAY_NOT)
        return True
    except ImportWasCancelled:
        return True
    if done.problems:
        _end(job, ImportStatus.FAILED, problems=done.problems, why="Rows were refused, so none was imported.")
    return True


def _demand_right(job: ImportJob, users: QuerySet[User]) -> None:
    """Raises RightIsGone. `users` says how the user is read, and may lock."""
    if not may_import(users.get(pk=job.started_by_id or 0), kind_of(job.kind)):
        raise RightIsGone


# --- The good rows ----------------------------------------------------------------------------------------------------


def _run_piece(job: ImportJob, tell: Tell | None) -> bool:
    """
    Import the next rows, and store the counts with them. False when there is nothing left to do.

    Whether who has started it still may is asked when they begin. Rows that have begun are as a request that has.
    """
    with transaction.atomic():
        if not take_turn(_TURNS + job.pk):
            return False
        locked = (
            ImportJob.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .filter(pk=job.pk, status=ImportStatus.RUNNING)
            .first()
        )
        if locked is None:
            return False
        if locked.started_by is None or not may_import(locked.started_by, kind_of(job.kind)):
            _end(
                job,
                ImportStatus.FAILED,
                why=f"{MAY_NOT} Earlier rows are stored." if locked.rows_done else MAY_NOT,
            )
            return False
        done = Done()
        rows = _rows_from(job, locked.rows_done)
        _lock(job, rows)
        _write_rows(job, rows, done)
        kept = locked.problems + done.problems[: MOST_PROBLEMS - len(locked.problems)]
        ImportJob.objects.filter(pk=job.pk).update(
            **{name: F(name) + number for name, number in done.counts.items()},
            rows_done=F("rows_done") + done.rows,
            rows_tried=F("rows_done") + done.rows,
            problems=kept,
            problems_in_all=F("problems_in_all") + len(done.problems),
            beat_at=Now(),
            tried=0,
        )
        stored = locked.rows_done + done.rows
        if stored >= locked.rows_total:
            counts = {name: getattr(locked, name) + number for name, number in done.counts.items()}
            _end(job, ImportStatus.DONE, counts=counts)
    _say(tell, stored)
    return stored < locked.rows_total


# --- Both -------------------------------------------------------------------------------------------------------------


def _all_rows(job: ImportJob) -> Iterator[list[Row]]:
    for start in range(0, job.rows_total, ROWS_AT_ONCE):
        yield _rows_from(job, start)


def _rows_from(job: ImportJob, start: int) -> list[Row]:
    """Return up to ROWS_AT_ONCE rows from this place on. A piece holds them all: its size is a multiple."""
    signs.give()
    within = start % PIECE_ROWS
    piece = ImportPiece.objects.filter(job_id=job.pk, place=start - within).first()
    if piece is None:  # who cancels an import lets go of them
        raise ImportWasCancelled
    return [Row(*row) for row in piece.rows[within : within + ROWS_AT_ONCE]]


def _lock_all(job: ImportJob) -> None:
    _lock(job, [row for rows in _all_rows(job) for row in rows])


def _lock(job: ImportJob, rows: Sequence[Row]) -> None:
    """Lock what rows will write to before the first is written. Row by row, two files could wait for each other."""
    kind = kind_of(job.kind)
    read = (read_row(kind, job.columns, row) for row in rows if str(row.number) not in job.repeated)
    kind.lock_rows([values for values, problems in read if not problems])


def _write_rows(job: ImportJob, rows: Sequence[Row], done: Done) -> None:
    kind = kind_of(job.kind)
    for row in rows:
        signs.give()
        outcome, problems = _write_row(job, kind, row)
        done.counts["rows_refused" if outcome is None else _OUTCOMES[outcome]] += 1
        done.problems += problems


def _write_row(job: ImportJob, kind: ImportKind, row: Row) -> tuple[Outcome | None, list[Problem]]:
    """Import a row in a savepoint. What is refused leaves nothing."""
    first = job.repeated.get(str(row.number))
    if first is not None:
        return None, [repeated(row.number, first)]
    values, problems = read_row(kind, job.columns, row)
    if problems:
        return None, problems
    try:
        with transaction.atomic():
            return kind.write_row(values, actor=job.started_by, source=job.file_name, reason=_reason(job)), []
    except DomainError as refusal:
        return None, [refused(job.columns, row.number, refusal)]
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        logger.exception("import %s: the database refused row %s", job.pk, row.number)
        return None, [problem(row.number, "", "", "refused_by_database", "A rule of the database refused it.")]


def _reason(job: ImportJob) -> str:
    return f"Import {job.pk}: {job.file_name}"


def _say(tell: Tell | None, rows: int) -> None:
    if tell is not None:
        tell(rows)


@transaction.atomic
def _end(
    job: ImportJob,
    status: ImportStatus,
    *,
    counts: dict[str, int] | None = None,
    problems: Sequence[Problem] = (),
    why: str = "",
) -> None:
    """Store the end of an import with its audit entry, and let go of its rows. Once, whoever else comes."""
    values: dict[str, Any] = {"status": status, "ended_at": Now(), "why": why}
    if counts is not None:
        values |= counts | {"rows_done": sum(counts.values()), "rows_tried": sum(counts.values())}
    if problems:
        values |= {"problems": list(problems[:MOST_PROBLEMS]), "problems_in_all": len(problems)}
    running = ImportJob.objects.filter(pk=job.pk, status=ImportStatus.RUNNING)
    if not running.update(**values, version=F("version") + 1):
        return
    ImportPiece.objects.filter(job_id=job.pk).delete()
    changes: dict[str, Any] = {"import_status": (ImportStatus.RUNNING.value, status.value)}
    changes |= {name: (0, number) for name, number in (counts or {}).items()}
    changes |= {"why": ("", why)} if why else {}
    record(
        actor=job.started_by,
        action="IMPORT_DONE" if status == ImportStatus.DONE else "IMPORT_FAILED",
        entity_type="import",
        entity_id=job.pk,
        changes=changes,
    )
