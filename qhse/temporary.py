"""Room for files that vanish. When the disk has none the caller is told to ask again, and nobody sees a defect."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from qhse.errors import DomainError

logger = logging.getLogger("qhse")


class NoTemporarySpace(DomainError):
    """The directory of temporary files is full, gone, or cannot be written. The log says which."""

    status = 503
    code = "temporary_space_unavailable"
    title = "Service unavailable"
    retry_after = 30


def no_space(error: BaseException | str) -> NoTemporarySpace:
    """Return the refusal, and say in the log what happened."""
    logger.warning("temporary files cannot be written: %s", error)
    return NoTemporarySpace("The server has no room for temporary files now; ask again shortly.")


@contextmanager
def temporary_space() -> Iterator[None]:
    """
    Raise NoTemporarySpace for what goes wrong with files inside the `with` block.

    XlsxWriter hides the error of the system in one of its own. Its text is in the log.
    """
    try:
        yield
    except OSError as error:
        raise no_space(error) from error
    except Exception as error:
        if type(error).__module__.startswith("xlsxwriter.") and isinstance(error.__context__, OSError):
            raise no_space(error) from error
        raise


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Yield a new directory, which vanishes behind the `with` block. Raises NoTemporarySpace, as `temporary_space`."""
    with temporary_space(), tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def temporary_file(prefix: str) -> IO[bytes]:
    """Return an open file without a name, which vanishes when it is closed. Raises NoTemporarySpace."""
    with temporary_space():
        return tempfile.TemporaryFile(prefix=prefix)
