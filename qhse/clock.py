"""
What time it is: the database's. The product asks no other clock about rights, periods and days.

`Now()` in a query is the same clock. Durations inside of one process are measured by `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta

from django.db.models.functions import Now, TruncDate
from django.utils import timezone

from qhse.database import database_time
from qhse.observability import context

TODAY = TruncDate(Now(), tzinfo=UTC)
"""`today()` as an expression, for a query that is sent anyway."""

# The context object itself is kept, so that no later one can be taken for it.
_held_day: ContextVar[date | None] = ContextVar("held_day", default=None)
_asked: ContextVar[tuple[context.RequestContext, datetime] | None] = ContextVar("asked", default=None)


def present() -> datetime:
    """
    Return the time by the database. One request asks once, so that all it says is of one moment.

    Workers and commands ask each time: they may run past midnight.
    """
    running = context.current()
    known = _asked.get()
    if known is not None and known[0] is running:
        return known[1]
    now = database_time()
    if running.source in ("api", "admin"):
        _asked.set((running, now))
    return now


def hold_present() -> None:
    """
    Let this execution context answer with one moment from now on, whoever runs in it.

    For what is told in many pieces, such as a file. Call it in a copy of the context (`contextvars.copy_context`).
    """
    _asked.set((context.current(), present()))


def note_present(moment: datetime) -> None:
    """Say what the database has just answered beside something else. The running request need not ask then."""
    running = context.current()
    if running.source in ("api", "admin"):
        _asked.set((running, moment))


MOST_APART = timedelta(hours=12)


class ClocksDisagree(RuntimeError):
    """The database's clock and this machine's are so far apart that one of them is of another day."""


def demand_agreement() -> None:
    """
    Raise ClocksDisagree before something is told that cannot be taken back, and would be told on a wrong day.

    It decides nothing by this machine's clock: while the two disagree nothing is told, and the log says why.
    """
    apart = database_time() - timezone.now()
    if abs(apart) > MOST_APART:
        raise ClocksDisagree(
            f"the database's clock and this machine's are {abs(apart)} apart: set the wrong one right. Nothing is told "
            "of days until then"
        )


def today() -> date:
    """Return the day by which certifications expire and work falls due: of the database's clock, in UTC."""
    held = _held_day.get()
    if held is not None:
        return held
    return day_of(present())


def day_of(moment: datetime) -> date:
    """Return the day that `today()` was at this moment."""
    return moment.astimezone(UTC).date()


@contextmanager
def one_day(day: date | None = None) -> Iterator[date]:
    """
    Let `today()` be one day inside the `with` block, however long it takes: this one, else the present one.

    For work that has to be of one day and may run past midnight. Who may go on in another process stores the day, or
    the moment that it is of (`day_of`). Moments stay what they are.
    """
    day = today() if day is None else day
    token = _held_day.set(day)
    try:
        yield day
    finally:
        _held_day.reset(token)
