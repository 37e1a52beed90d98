"""What workers do between batches: jobs that come round, which apps declare in a module `jobs`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger("outbox.jobs")

TOGETHER_SECONDS = 1.0
"""A job that would be due so soon after another is done with it: an idle worker then wakes once for both."""

Work = Callable[[], bool]
"""Does a bounded piece of work in transactions of its own; True when more is left that should not wait."""


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    work: Work
    every_seconds: float


jobs: dict[str, Job] = {}


def periodic(*, every_seconds: float) -> Callable[[Work], Work]:
    """
    Declare a job of the workers; with 0 seconds it is switched off.

    Every worker does it at that interval, so it must be harmless beside itself and cheap when there is nothing to do.
    A piece of it delays events by as long as it takes. What it raises is logged, and it comes round again.
    """

    def declare(work: Work) -> Work:
        if every_seconds > 0:
            jobs[work.__name__] = Job(work.__name__, work, every_seconds)
        return work

    return declare


class JobSchedule:
    """When each job is due in one worker; at its start, all are."""

    def __init__(self) -> None:
        self._due_at = dict.fromkeys(jobs, 0.0)

    def seconds_left(self) -> float | None:
        """Return the seconds until the next job, None without any."""
        return max(0.0, min(self._due_at.values()) - time.monotonic()) if self._due_at else None

    def work(self) -> None:
        """Do one piece of each job that is due, and of those that nearly are."""
        if self.seconds_left() != 0:
            return
        for name, due_at in self._due_at.items():
            if due_at <= time.monotonic() + TOGETHER_SECONDS:
                more = _attempt(jobs[name])
                self._due_at[name] = time.monotonic() + (0.0 if more else jobs[name].every_seconds)

    def work_to_the_end(self) -> None:
        """Do each job until nothing of it is left, due or not."""
        for name in self._due_at:
            while _attempt(jobs[name]):
                pass


def _attempt(job: Job) -> bool:
    try:
        return job.work()
    except Exception:  # of any kind: events must not wait for a job to be repaired
        logger.exception("job %s failed; it comes round again", job.name)
        return False
