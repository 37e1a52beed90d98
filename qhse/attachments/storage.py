"""Where the files are: a directory, or whatever STORAGES["attachments"] names. Only this module touches it."""

from __future__ import annotations

import io
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from qhse.attachments.errors import StorageIsAway

logger = logging.getLogger("qhse.attachments")

INCOMING = "incoming"
"""The folder in which uploads arrive. It is on the same disk, so that a file becomes stored by a second link."""


class DirectoryStorage(FileSystemStorage):
    """
    Files below one directory, each on the disk before its name is returned.

    A name that exists is never written to. Without that, a power failure could leave a row whose file is empty.
    """

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not _linked(content, path):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
                content.seek(0)
                shutil.copyfileobj(content, written, 1_048_576)
                written.flush()
                _flush(written.fileno())
        for directory in (path.parent, path.parent.parent):
            _flush_directory(directory)
        return name


def _linked(content: Any, path: Path) -> bool:
    """Give a file that has arrived its second name, so that nothing is copied. False where that is not possible."""
    source = getattr(content, "temporary_file_path", None)
    if source is None:
        return False
    content.flush()
    _flush(content.fileno())
    try:
        os.link(source(), path)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        return False
    return True


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage() -> Storage:
    return storages["attachments"]


def keep(content: Any) -> str:
    """Store a content under a new name of ours, and return that. Raises StorageIsAway."""
    name = uuid4().hex
    with _reported(f"the file {name} could not be stored"):
        content.seek(0)
        return _storage().save(f"{name[:2]}/{name}", content if isinstance(content, File) else File(content))


def opened(stored_as: str) -> BinaryIO:
    """Return a stored file, open for reading. Raises StorageIsAway."""
    with _reported(f"the file {stored_as} could not be read"):
        return _storage().open(stored_as, "rb")  # type: ignore[return-value]


@contextmanager
def reading(stored_as: str) -> Iterator[BinaryIO]:
    """Give a stored file to be read in here. Raises StorageIsAway, also for what fails in the middle of it."""
    with _reported(f"the file {stored_as} could not be read"), _storage().open(stored_as, "rb") as content:
        yield content  # type: ignore[misc]


def lacks(error: StorageIsAway) -> bool:
    """Return whether the storage answered, and has no such file. One whose disk is not mounted says so of all."""
    return isinstance(error.__cause__, FileNotFoundError)


def discard(stored_as: str) -> bool:
    """Remove a file that no row names. False, and a line in the log, if it could not be."""
    with suppress(StorageIsAway), _reported(f"the file {stored_as} could not be removed; no row names it"):
        _storage().delete(stored_as)
        return True
    return False


def exists(stored_as: str) -> bool:
    """Raises StorageIsAway."""
    with _reported(f"nobody could say whether there is a file {stored_as}"):
        return _storage().exists(stored_as)


def demand_answer() -> None:
    """Raise StorageIsAway unless the storage answers at all: what it says of one file may be about that file alone."""
    with _reported("the files could not be listed"):
        _storage().listdir("")


def all_names(folder: str = "") -> Iterator[str]:
    """Yield the names of all stored files, and of those that are arriving. Raises StorageIsAway."""
    with _reported("the files could not be listed"):
        try:
            folders, files = _storage().listdir(folder)
        except FileNotFoundError:
            return  # nothing was ever stored, or the folder has gone
    yield from (os.path.join(folder, each) for each in sorted(files))  # noqa: PTH118 (names, not paths)
    for each in sorted(folders):
        yield from all_names(os.path.join(folder, each))  # noqa: PTH118


def written_at(stored_as: str) -> datetime | None:
    """Return when a file was written, None if it has gone. Raises StorageIsAway."""
    with _reported(f"nobody could say how old the file {stored_as} is"):
        try:
            return _storage().get_modified_time(stored_as)
        except FileNotFoundError:
            return None


def present() -> datetime:
    """Return the time by the storage's own clock, which it writes on a new file. Raises StorageIsAway."""
    name = keep(io.BytesIO(b"The time, please"))
    try:
        with _reported(f"nobody could say how old the file {name} is"):
            return _storage().get_modified_time(name)
    finally:
        discard(name)


@contextmanager
def _reported(what: str) -> Iterator[None]:
    try:
        yield
    except _failures() as error:
        # Which file is missing is all that a traceback could tell, and one look can find many.
        logger.error("%s: %s", what, error, exc_info=not isinstance(error, FileNotFoundError))
        raise StorageIsAway("The storage of files cannot do it now; ask again shortly.") from error


@cache
def _failures() -> tuple[type[Exception], ...]:
    """Return what storages raise. That of S3 has a library of its own, which is there only where it is used."""
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (OSError,)
    return (OSError, Boto3Error, BotoCoreError, ClientError)
