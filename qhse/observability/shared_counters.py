"""
Counters of several processes, which `/metrics` adds up.

The library has each process write files into PROMETHEUS_MULTIPROC_DIR, and leaves two things to us: the files of those
that have ended, and keeping programs apart. So each program (an API with its processes, a worker, a command) has a
directory of its own below that one, and a lock on it for as long as it lives. The kernel lets go of the lock however
the program ends. Process ids would not do: those of two containers are the same.

No sum may fall while somebody counts on: Prometheus takes that for a restart, and counts what is left once more. Nor
may anything be counted twice. So what the dead have counted moves as a whole, by renaming, into `past` of whoever joins
next. There it becomes one file for each kind. Who finds nobody else alive begins at zero.

Counting is never a reason to fail. Only a directory that cannot be used from the start is refused.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from qhse.observability.counts_file import CountsFile, read, write

logger = logging.getLogger("qhse.metrics")

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_ALIVE = "alive"  # in the directory of a program: the file that it holds locked
_PAST = "past"  # in the directory of a program: what others have counted who are dead
_NEW, _OLD = ".new", ".old"  # of a past that is being put together, and of the one that it replaces

_own: Path | None = None


def join() -> None:
    """
    Give this program a directory, before it declares a metric. Forked processes share it.

    Does nothing when it is called again. Without PROMETHEUS_MULTIPROC_DIR each process counts for itself. On a full
    disk it counts in memory. Raises OSError for a directory that cannot be used.
    """
    global _own
    if _own is not None:
        return
    root = _root()
    # By itself the library goes by the variable's presence: an empty one would put files into the current directory.
    values.ValueClass = values.MultiProcessValue() if root else values.MutexValue
    values.MmapedDict = CountsFile  # type: ignore[attr-defined, assignment]
    if root is None:
        return
    own = root / f"{os.getpid()}-{secrets.token_hex(4)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "lock", fcntl.LOCK_EX):
            _enter(root, own)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        logger.error("what is counted is missing in /metrics: %s", error)
    _own = own
    os.environ[VARIABLE] = str(own)


def _enter(root: Path, own: Path) -> None:
    programs = [each for each in root.iterdir() if each.is_dir()]
    dead = [each for each in programs if not _lives(each)]
    (own / _PAST).mkdir(parents=True)
    _lock(own / _ALIVE, fcntl.LOCK_EX)  # never closed
    if len(dead) < len(programs):
        for each in dead:
            with suppress(PermissionError):  # another user's: its counts stay where they are
                each.rename(own / _PAST / each.name)
        _fold(own / _PAST)
    else:
        for each in dead:
            shutil.rmtree(each, ignore_errors=True)
        for leftover in root.glob("*.db"):  # of a version that kept nobody apart
            with suppress(PermissionError):
                leftover.unlink()


def bury(pid: int) -> None:
    """Keep what a forked process of this program has counted, and remove its files. It must have ended."""
    if _own is None:
        return
    try:
        with _locked(_own.parent / "lock", fcntl.LOCK_EX):
            for file in list(_own.glob(f"*_{pid}.db")):
                file.rename(_own / _PAST / f"{file.stem}-{secrets.token_hex(4)}.db")
            _fold(_own / _PAST)
    except OSError as error:
        logger.error("the counts of process %d stay in a file of their own: %s", pid, error)


class SharedCounters:
    """What all programs below PROMETHEUS_MULTIPROC_DIR have counted, for a registry."""

    def collect(self) -> Iterable[Metric]:
        root = _root()
        assert root is not None
        try:
            with _locked(root / "lock", fcntl.LOCK_SH):
                files = list(_files(root))
                try:
                    return list(MultiProcessCollector.merge(map(str, files)))
                except Exception:  # one is damaged: the library says so in many ways
                    return list(MultiProcessCollector.merge([str(file) for file in files if any(read(file))]))
        except OSError as error:  # such as a directory that somebody has removed
            logger.error("%s: %s", VARIABLE, error)
            return []


def _root() -> Path | None:
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    path = Path(value)
    # A program's own is inherited by the programs that it starts.
    return path.parent if path == _own or (path / _ALIVE).exists() else path


def _files(directory: Path) -> Iterator[Path]:
    """Yield the files that count, once each, also if somebody was killed while they put a past together."""
    for each in sorted(directory.iterdir()):
        if each.is_dir():
            if each.suffix == _NEW or (each.suffix == _OLD and each.with_suffix("").exists()):
                continue
            for file in _files(each):
                # A gauge says something of a process that lives.
                if each.stem != _PAST or not file.name.startswith("gauge"):
                    yield file
        elif each.suffix == ".db" and each.stat().st_size:  # an empty one is just being made
            yield each


def _fold(past: Path) -> None:
    """Make one file of each kind of all that is below. The caller holds the lock. Without room, all stays as it is."""
    fresh, old = past.with_suffix(_NEW), past.with_suffix(_OLD)
    for each in (fresh, old):
        shutil.rmtree(each, ignore_errors=True)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for file in _files(past):
        for key, value in read(file):
            sums[file.name.partition("_")[0]][key] += value
    try:
        fresh.mkdir()
        for kind, counts in sums.items():
            write(fresh / f"{kind}_kept.db", counts)
        # Killed here, the new past is not read, or the old one not any more. Never both, nor none.
        past.rename(old)
        fresh.rename(past)
    except OSError as error:
        logger.error("counts of programs that have ended stay in files of their own: %s", error)
        if not past.exists():
            old.rename(past)
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _lives(program: Path) -> bool:
    try:
        os.close(_lock(program / _ALIVE, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except FileNotFoundError:
        return False  # it was killed while it joined
    except BlockingIOError:
        return True
    return False


def _lock(path: Path, how: int) -> int:
    # Who only looks makes nothing. Read-only, because it may be another user's.
    descriptor = os.open(path, os.O_RDONLY | (os.O_CREAT if how == fcntl.LOCK_EX else 0), 0o644)
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
