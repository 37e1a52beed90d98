"""
Counters of several processes, which `/metrics` adds up.

The library has each process write files into PROMETHEUS_MULTIPROC_DIR, and leaves two things to us: the files of those
that have ended, and keeping programs apart. So each program (an API with its processes, a worker, a command) has a
directory of its own below that one, and a lock on it for as long as it lives. The kernel lets go of the lock however
the program ends. Process ids would not do: those of two containers are the same.

No sum may fall while somebody counts on: Prometheus takes that for a restart, and counts what is left once more. So
the counts of those who have ended are kept, by whoever joins next. Who finds nobody else alive begins at zero.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_ALIVE = "alive"  # in the directory of a program: the file that it holds locked

_own: Path | None = None


def join() -> None:
    """
    Give this program a directory, before it declares a metric. Forked processes share it.

    Does nothing without PROMETHEUS_MULTIPROC_DIR, and nothing when it is called again. Raises OSError.
    """
    global _own
    root = _root()
    if root is None or _own is not None:
        return
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / "lock", fcntl.LOCK_EX):
        programs = [each for each in root.iterdir() if each.is_dir()]
        dead = [each for each in programs if not _lives(each)]
        _own = root / f"{os.getpid()}-{secrets.token_hex(4)}"
        _own.mkdir()
        _lock(_own / _ALIVE, fcntl.LOCK_EX)  # never closed
        if len(dead) < len(programs):
            _keep_counts(file for each in dead for file in each.glob("*.db"))
        else:
            for leftover in root.glob("*.db"):  # of a version that kept nobody apart
                leftover.unlink()
        for each in dead:
            shutil.rmtree(each)
    os.environ[VARIABLE] = str(_own)


def bury(pid: int) -> None:
    """Keep what a forked process of this program has counted, and remove its files. It must have ended."""
    if _own is not None:
        with _locked(_own.parent / "lock", fcntl.LOCK_EX):
            _keep_counts(_own.glob(f"*_{pid}.db"))


class SharedCounters:
    """What all programs below PROMETHEUS_MULTIPROC_DIR have counted, for a registry."""

    def collect(self) -> Iterable[Metric]:
        root = _root()
        assert root is not None
        with _locked(root / "lock", fcntl.LOCK_SH):
            # An empty one is just being made, or its process was killed at that moment.
            files = [str(file) for file in root.glob("**/*.db") if file.stat().st_size]
            return list(MultiProcessCollector.merge(files))


def _root() -> Path | None:
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    path = Path(value)
    return path.parent if (path / _ALIVE).exists() else path  # a program's own, which the programs it starts inherit


def _keep_counts(files: Iterable[Path]) -> None:
    """Add the counts of these files to those kept so far, and remove the files. The caller holds the lock."""
    assert _own is not None
    files = list(files)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for file in files:
        kind = file.name.partition("_")[0]
        if kind == "gauge":
            continue  # says something of a process that lives
        kept = _own / f"{kind}_kept.db"
        if kind not in sums and kept.exists():
            sums[kind].update(_values(kept))
        for key, value in _values(file):
            sums[kind][key] += value
    for kind, values in sums.items():
        fresh = _own / f"{kind}_kept.new"
        fresh.unlink(missing_ok=True)
        table = MmapedDict(str(fresh))
        for key, value in values.items():
            table.write_value(key, value, 0.0)
        table.close()
        fresh.replace(_own / f"{kind}_kept.db")
    for file in files:
        file.unlink()


def _values(file: Path) -> list[tuple[str, float]]:
    try:
        return [(key, value) for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file))]
    except (struct.error, RuntimeError, UnicodeDecodeError):
        return []  # its process was killed in the middle of writing it


def _lives(program: Path) -> bool:
    try:
        os.close(_lock(program / _ALIVE, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    return False


def _lock(path: Path, how: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    descriptor = _lock(path, how)
    try:
        yield
    finally:
        os.close(descriptor)
