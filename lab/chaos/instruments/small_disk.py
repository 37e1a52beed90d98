"""A small disk that can be filled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CHUNK = bytes(64 * 1024)


class NoSmallDisk(RuntimeError):
    """This user may not mount one."""


class SmallDisk:
    """A mounted directory of a few megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave no room for anybody, or so many bytes."""
        with self._ballast.open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(CHUNK) == len(CHUNK):
                pass
        size = self._ballast.stat().st_size
        os.truncate(self._ballast, max(0, size - leave))

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, *, megabytes: int, owner: int) -> Iterator[SmallDisk]:
    """Mount one at this new path, for this user id. Raises NoSmallDisk."""
    if os.geteuid() != 0:
        raise NoSmallDisk("mounting a small disk needs root")
    path.mkdir(mode=0o700)
    options = f"size={megabytes}m,mode=0700,uid={owner}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise NoSmallDisk(f"no small disk can be mounted: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a server may still have files open there.
        subprocess.run(["umount", "--lazy", path], check=True)
        path.rmdir()
