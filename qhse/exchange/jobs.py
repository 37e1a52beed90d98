"""What workers do between batches for imports: they start the program that runs them, and forget old previews."""

from __future__ import annotations

import atexit
import logging
import subprocess
import sys
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
"""After that long without a sign, who runs an import is taken for dead. If it is not, it still has its turn."""

_running: list[subprocess.Popen[bytes]] = []


@periodic(every_seconds=LOOK_SECONDS, woken_seconds=3)
def start_imports() -> bool | None:
    """
    Start `manage.py run_imports` if an import waits, and nobody seems to be at it.

    Not in the worker itself: all rows or none are one transaction, which can last longer than a piece of a job may, and
    events would wait for it. A worker has one such program at a time. It ends with the worker. Of several workers that
    were woken the one starts it that gives the import its first sign of life.
    """
    _running[:] = [each for each in _running if each.poll() is None]
    if _running:
        return None  # what is started now, it may have missed
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        if not _waiting().update(beat_at=Now()):
            return None if ImportJob.objects.filter(status=ImportStatus.RUNNING).exists() else False
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_imports"]
    try:
        _running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=settings.BASE_DIR))
    except OSError:
        logger.exception("imports wait, and their program could not be started")
    return None


@periodic(every_seconds=3600)
def forget_old_previews() -> bool:
    return forget_previews() > 0


def _waiting() -> QuerySet[ImportJob]:
    is_silent = Q(beat_at=None) | Q(beat_at__lt=Now() - timedelta(seconds=SILENT_SECONDS))
    return ImportJob.objects.filter(is_silent, status=ImportStatus.RUNNING)


@atexit.register
def _end() -> None:
    for each in _running:
        with suppress(OSError):
            each.terminate()
