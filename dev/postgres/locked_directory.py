"""
Temporary directories that their owner keeps locked. What killed runs left behind is told from what is in use.

A lock is the kernel's (flock). It is free the moment its last holder is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

SERVER_LOCK = "server.lock"  # held by whatever works inside the directory and may outlive the owner for a moment


def create(base: Path, prefix: str) -> tuple[Path, int]:
    """Return a new 0700 directory `<base>/<prefix>…` and the open descriptor that holds its lock."""
    # Locked before it gets the name by which stale ones are found: another start must not take it for one.
    unlocked = Path(tempfile.mkdtemp(prefix=f"new-{prefix}", dir=base))
    lock = try_lock(unlocked)
    if lock is None:
        raise RuntimeError(f"{unlocked} is locked by somebody else")
    return unlocked.rename(base / unlocked.name.removeprefix("new-")), lock


def remove_stale(base: Path, prefix: str, owners: set[int]) -> None:
    """Remove such directories of these user ids. Those of a living owner, or with a living process, stay."""
    for directory in base.glob(f"{prefix}*"):
        with suppress(OSError):
            if directory.is_symlink() or directory.stat().st_uid not in owners:
                continue
            owner = try_lock(directory)
            if owner is None:
                continue
            server = try_lock(directory / SERVER_LOCK, os.O_CREAT)
            if server is not None:
                shutil.rmtree(directory, ignore_errors=True)
                os.close(server)
            os.close(owner)


def try_lock(path: Path, flags: int = 0) -> int | None:
    """Return an open descriptor that holds the lock. None means that another one holds it."""
    descriptor = os.open(path, flags | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_to_others(path: Path) -> bool:
    """Say whether every user may reach this path and use it."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def give_away(root: Path, *, user: int, group: int) -> None:
    """Make a tree belong to another user."""
    for path in (root, *root.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)
