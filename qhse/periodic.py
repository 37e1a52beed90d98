"""What workers do between batches: jobs that come round, which apps declare in a module `jobs`."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

logger = logging.getLogger("outbox.jobs")

TOGETHER_SECONDS = 1.0
"""
A job that would be due so soon is done while the worker is awake: an idle one then wakes once for it and its poll. Of
one that comes round more often, an eighth of its interval.
"""
JOB_SECONDS = 10.0
"""Time of one piece of a job. It then sends no further statement, so that the worker is not taken for dead."""

Work = Callable[[], bool | None]
"""
Does a bounded piece of work in transactions of its own. True when more is left that should not wait, None when it
should look again after `woken_seconds`.
"""


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    work: Work
    every_seconds: float
    woken_seconds: float | None = None


jobs: dict[str, Job] = {}


def periodic(*, every_seconds: float, woken_seconds: float | None = None) -> Callable[[Work], Work]:
    """
    Declare a job of the workers; with 0 seconds it is switched off.

    With `woken_seconds` it waits for what people write: who writes that calls `qhse.wakeup.wake_workers`, and a worker
    that hears it does the job at once, though not sooner after the last time than that. All workers hear it at once,
    so the job takes a turn or marks what it begins. `every_seconds` is then for notifications that are lost. Where
    there are none, as on SQLite, it comes round every `woken_seconds`.

    Every worker does it at that interval, so it must be harmless beside itself and cheap when there is nothing to do.
    A piece of it delays events by as long as it takes. After JOB_SECONDS its next statement raises JobTookTooLong. It
    bounds rows, and each statement with `qhse.database.bound_transaction`: others decide what lies there, and which
    locks they hold. What it raises is logged, and it comes round again.
    """

    def declare(work: Work) -> Work:
        if every_seconds > 0:
            jobs[work.__name__] = Job(work.__name__, work, every_seconds, woken_seconds)
        return work

    return declare


class JobTookTooLong(Exception):
    """A piece of a job was not over after JOB_SECONDS."""


class JobSchedule:
    """When each job is due in one worker, which `hears` notifications or does not; at its start, all are."""

    def __init__(self, *, hears: bool = False) -> None:
        self._due_at = dict.fromkeys(jobs, 0.0)
        self._done_at = dict.fromkeys(jobs, -math.inf)
        self._hears = hears

    def wake(self) -> None:
        """Somebody has written: what waits for that is due, unless it was done just now."""
        now = time.monotonic()
        for name, due_at in self._due_at.items():
            if (pause := jobs[name].woken_seconds) is not None:
                self._due_at[name] = min(due_at, max(now, self._done_at[name] + pause))

    def seconds_left(self) -> float | None:
        """Return the seconds until the next job, None without any."""
        return max(0.0, min(self._due_at.values()) - time.monotonic()) if self._due_at else None

    def due(self) -> list[str]:
        """Return the jobs that are due or nearly so, first the one that has been for longest."""
        now = time.monotonic()
        due = [name for name, due_at in self._due_at.items() if due_at - now <= _early(jobs[name])]
        return sorted(due, key=self._due_at.__getitem__)

    def work(self, name: str) -> None:
        """Do one piece of this job. If more is left it is due again at once, else at its interval."""
        more = _attempt(jobs[name])
        job = jobs[name]
        self._done_at[name] = time.monotonic()
        every = job.every_seconds
        if job.woken_seconds is not None and (more is None or not self._hears):
            every = job.woken_seconds
        self._due_at[name] = self._done_at[name] + (0.0 if more else every)

    def work_to_the_end(self) -> None:
        """Do each job until nothing of it is left, due or not."""
        for name in self._due_at:
            while _attempt(jobs[name]):
                pass


def _early(job: Job) -> float:
    return min(TOGETHER_SECONDS, (job.woken_seconds or job.every_seconds) / 8)


def _attempt(job: Job) -> bool | None:
    ends_at = time.monotonic() + JOB_SECONDS

    def in_time(execute: Callable[..., Any], *statement: Any) -> Any:
        if time.monotonic() > ends_at:
            raise JobTookTooLong(f"{job.name} was not over after {JOB_SECONDS:g} s")
        return execute(*statement)

    try:
        with connection.execute_wrapper(in_time):
            return job.work()
    except Exception:  # of any kind: events must not wait for a job to be repaired
        logger.exception("job %s failed; it comes round again", job.name)
        return False
