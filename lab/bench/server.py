"""The private server of a run, and the environment of the processes that use it."""

from __future__ import annotations

import shutil
from pathlib import Path

from dev.postgres.server import PrivatePostgres
from dev.processes import kept_variables

SETTINGS = {
    "track_commit_timestamp": "on",  # tells when an effect was committed, at no cost for who commits it
    "jit": "on",  # PostgreSQL's default: what the product needs, it must set by itself
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",  # checkpoints come between the rounds, where we ask for them
}
BYTES_PER_HISTORIC_EVENT = 1_500  # rows and indexes of an event and of the note that it was handled
LOG_BYTES = 5e9  # twice what the write-ahead log grows to


class NotEnoughSpace(RuntimeError):
    """The history does not fit on the disk."""


def check_space(directory: Path, events: int) -> None:
    """Raise NotEnoughSpace when a history of so many events does not fit on the server's disk."""
    needed = events * BYTES_PER_HISTORIC_EVENT + LOG_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise NotEnoughSpace(
            f"{events:,} events of history need {needed / 1e9:.0f} GB, {free / 1e9:.0f} GB are free; "
            "choose fewer (--history) or another place (TMPDIR)"
        )


def private_server() -> PrivatePostgres:
    """Return a server, not yet started, that is as durable as a real one."""
    return PrivatePostgres(durable=True, settings=SETTINGS)


def environment(url: str) -> dict[str, str]:
    """Return the environment of the product's processes on this database. They get their own defaults."""
    return kept_variables() | {"QHSE_ENV": "dev", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "qhse.settings"}
