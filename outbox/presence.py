"""The sign of life that a worker leaves in the database. A worker that stops in good order takes it away."""

from __future__ import annotations

import os
import secrets
import socket

from django.db.models import Value
from django.db.models.functions import Now

from outbox.models import WorkerSeen

# Two containers may have one host name, and each calls its process 1 or 7.
_HOST = socket.gethostname()[:100]
_NAME = f"{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"
_PASSING = f"{_HOST}-commands"
_stays = False


def stay() -> None:
    """Say that this process is a worker that runs until it is told to stop. Only such a one can be missed."""
    global _stays
    _stays = True


def leave_sign() -> None:
    """Store that this worker's loop turns. Those that handle a batch and go, such as cron's, share one sign."""
    sign = WorkerSeen(
        worker=_NAME if _stays else _PASSING, seen_at=Now(), started_at=Now() if _stays else Value(None)
    )  # fmt: skip
    WorkerSeen.objects.bulk_create(
        [sign], update_conflicts=True, unique_fields=["worker"], update_fields=["seen_at"]
    )  # fmt: skip


def take_sign_away() -> None:
    """Say that this worker is gone, and that nobody need miss it. May raise DatabaseError."""
    WorkerSeen.objects.filter(worker=_NAME).delete()
