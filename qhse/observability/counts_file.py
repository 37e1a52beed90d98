"""A file of counts that does not fail whoever counts, whatever happens to its disk."""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

logger = logging.getLogger("qhse.metrics")

FIRST_BYTES = 1 << 16
_HEAD = 8  # bytes of the file before its first entry


class CountsFile:
    """
    What one process counts of one kind. The library's own class maps a file whose blocks are not there yet.

    On a full disk, the kernel then ends the process (SIGBUS) at its next count. Here the blocks are written first. What
    finds no room is counted in memory, and comes into the file with its next count after there is room.
    """

    def __init__(self, filename: str) -> None:
        self._path = Path(filename)
        self._table: MmapedDict | None = None
        self._waiting: dict[str, tuple[float, float]] = {}
        self._complained = False

    def read_value(self, key: str) -> tuple[float, float]:
        if self._has_room(key):
            assert self._table is not None
            value: tuple[float, float] = self._table.read_value(key)
            return value
        return self._waiting.get(key, (0.0, 0.0))

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        if not self._has_room(key):
            self._waiting[key] = (value, timestamp)
            return
        assert self._table is not None
        self._table.write_value(key, value, timestamp)
        self._waiting.pop(key, None)

    def close(self) -> None:
        if self._table is not None:
            self._table.close()

    def _has_room(self, key: str) -> bool:
        if self._table is not None and key in self._table._positions:
            return True
        try:
            if self._table is None:
                _reserve(self._path, FIRST_BYTES)
                self._table = MmapedDict(str(self._path))
            needed = self._table._used + _size(key)
            capacity = self._table._capacity
            while capacity < needed:
                capacity *= 2
            _reserve(self._path, capacity)
        except OSError as error:
            if not self._complained:
                logger.error("what is counted is missing in /metrics: %s", error)
            self._complained = True
            return False
        self._complained = False
        return True


def write(path: Path, counts: dict[str, float]) -> None:
    """Write a new file with these counts. Raises OSError, and then leaves no file."""
    _reserve(path, max(FIRST_BYTES, _HEAD + sum(map(_size, counts))))
    table = MmapedDict(str(path))
    for key, value in counts.items():
        table.write_value(key, value, 0.0)
    table.close()


def read(path: Path) -> Iterable[tuple[str, float]]:
    """Return the keys and values of a file. Of one that was damaged, nothing."""
    try:
        found = [(key, value) for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path))]
        for key, _ in found:
            _, _, _, _ = json.loads(key)
    except (OSError, struct.error, RuntimeError, ValueError):
        return []
    return found


def _size(key: str) -> int:
    """Return no less than an entry takes: length, text, padding, value and time."""
    return len(key.encode()) + 32


def _reserve(path: Path, size: int) -> None:
    """Make the file so long, with blocks of its own. Raises OSError, and then leaves the file as it was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        end = before
        try:
            while end < size:
                end += os.pwrite(descriptor, bytes(min(size - end, FIRST_BYTES)), end)
        except OSError:
            os.ftruncate(descriptor, before)
            if not before:
                path.unlink(missing_ok=True)
            raise
    finally:
        os.close(descriptor)
