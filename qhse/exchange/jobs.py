"""What workers do between batches for imports: they start the program that runs them, and forget old previews."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from qhse.database import bound_transaction
from qhse.exchange.models import ImportJob, ImportStatus
from qhse.exchange.services import forget_previews
from qhse.periodic import periodic

logger = logging.getLogger("qhse.exchange")

LOOK_SECONDS = 120
"""Whoever starts an import wakes a worker. This is for a word that is lost, and for the import of one that died."""
SILENT_SECONDS = 20
"""
After that long without a sign, who runs an import is taken for dead.

A worker ends its own program then. Another worker's may still live: it has its turn, and the new one passes it over.
"""


class Program:
    """One `manage.py run_imports`, which this worker has started, and hears by a pipe."""

    def __init__(self) -> None:
        self._signs, line = os.pipe()
        os.set_blocking(self._signs, False)
        try:
            self.process = subprocess.Popen(
                command_with(line), stdin=subprocess.DEVNULL, cwd=settings.BASE_DIR, pass_fds=(line,)
            )
        except OSError:
            os.close(self._signs)
            raise
        finally:
            os.close(line)
        self.heard_at = time.monotonic()

    def has_ended(self) -> bool:
        """Answer whether it has ended. One that has been silent for too long is ended: it may be stopped, or hang."""
        if self.process.poll() is None:
            self._hear()
            if time.monotonic() - self.heard_at < SILENT_SECONDS:
                return False
            logger.error("the program that runs imports is silent, and is ended")
            self.process.kill()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            if self.process.poll() is None:
                return False
        os.close(self._signs)
        return True

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._signs, 65_536):
                self.heard_at = time.monotonic()


_running: list[Program] = []


def command_with(line: int) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_imports", "--signs-to", str(line)]


@periodic(every_seconds=LOOK_SECONDS, woken_seconds=3)
def start_imports() -> bool | None:
    """
    Start `manage.py run_imports` if an import waits, and nobody seems to be at it.

    Not in the worker itself: all rows or none are one transaction, which can last longer than a piece of a job may, and
    events would wait for it. A worker has one such program at a time. It ends with the worker, and when it is silent.
    Of several workers that were woken the one starts it that gives the import its first sign of life.
    """
    _running[:] = [each for each in _running if not each.has_ended()]
    if _running:
        return None  # what is started now, it may have missed
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        if not _waiting().update(beat_at=Now()):
            return None if ImportJob.objects.filter(status=ImportStatus.RUNNING).exists() else False
    try:
        _running.append(Program())
    except OSError:
        logger.exception("imports wait, and their program could not be started")
    return None


@periodic(every_seconds=3600)
def forget_old_previews() -> bool:
    return forget_previews() > 0


def _waiting() -> QuerySet[ImportJob]:
    silence = timedelta(seconds=SILENT_SECONDS)
    # Or of a clock that was ahead. A sign that came after this statement began is of the future too, by a moment.
    is_silent = Q(beat_at=None) | Q(beat_at__lt=Now() - silence) | Q(beat_at__gt=Now() + silence)
    return ImportJob.objects.filter(is_silent, status=ImportStatus.RUNNING)


@atexit.register
def _end() -> None:
    for each in _running:
        with suppress(OSError):
            each.process.kill()  # one that is stopped hears nothing else
