"""The streams and arguments of a command. It must not fail because of where its words come from or go to."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

_CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class ProgramWasEnded(KeyboardInterrupt):
    """SIGTERM came, or the terminal was closed. Whoever cleans up after Ctrl-C does it here, too."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number  # as a shell says of a program that a signal ended


class ArgumentIsNotText(ValueError):
    """The command line holds bytes that are no text, neither in the terminal's encoding nor in UTF-8."""


@contextlib.contextmanager
def forgiving_streams() -> Iterator[None]:
    """
    Let every text be written, whatever the encoding of the terminal, file or pipe. What it lacks is escaped.

    What is read must be text. Otherwise the command ends with exit code 2, and says so.

    A reader that has seen enough (`| head`) ends the command in silence, with 141. What could not be written, such as
    to a full disk, is said, with 1. So is Ctrl-C, with 130, and what else ends a program, with 128 and its number.
    None of these is a traceback. Each lets what is in hand be taken back: a draft, a transaction, a statement that the
    server would go on with.
    """
    _raise_on_signals()
    _prepare_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here and not while Python ends, where nobody can catch it
    except ProgramWasEnded as end:
        _complain(f"ended by {end}")
        sys.exit(end.code)
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(128 + signal.SIGINT)
    except UnicodeDecodeError as error:
        _complain(f"what was typed, or read, is not text in {error.encoding}: {error.object[:80]!r}")
        sys.exit(2)
    except ArgumentIsNotText as error:
        _complain(str(error))
        sys.exit(2)
    except BrokenPipeError:
        _forget(sys.stdout)
        sys.exit(141)  # as a shell says of a program that SIGPIPE ended
    except OSError as error:
        # A file has its name in the error. What has none, and is one of these, was written to a stream.
        if error.errno not in _CANNOT_BE_WRITTEN or error.filename is not None:
            raise
        _forget(sys.stdout)
        _complain(f"not everything could be written: {error.strerror}")
        sys.exit(1)


def call_at_the_end(act: Callable[[int, FrameType | None], None]) -> None:
    """Have it called by each signal that ends a program. A closed terminal does not, where `nohup` says so."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, act)


def _prepare_streams() -> None:
    if os.environ.get("NO_COLOR"):
        os.environ["DJANGO_COLORS"] = "nocolor"  # which Django asks instead
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed when the command started
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and name != "stdin":
            # Not what is read: guessing at what was typed would store something else.
            stream.reconfigure(errors="backslashreplace")


def _raise_on_signals() -> None:
    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise ProgramWasEnded(number)

    for number in (signal.SIGTERM, signal.SIGHUP):  # Python itself raises for Ctrl-C
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def run_program(main: Callable[[], int]) -> NoReturn:
    """Run the main function of a program that people start, and end with its exit code."""
    with forgiving_streams():
        code = main()
    sys.exit(code)


def readable_arguments(arguments: Sequence[str]) -> list[str]:
    """
    Return the arguments as text. In a locale without umlauts, Python hands over UTF-8 as half characters.

    Raises ArgumentIsNotText. A half character would only fail later, in the middle of a write to the database.
    """
    return [_readable(argument) for argument in arguments]


def _readable(argument: str) -> str:
    try:
        argument.encode()
    except UnicodeEncodeError:
        try:
            return os.fsencode(argument).decode()
        except UnicodeError:
            raise ArgumentIsNotText(f"this argument is not text in UTF-8: {argument!a}") from None
    return argument


def _complain(text: str) -> None:
    try:
        sys.stderr.write(f"qhse: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        _forget(sys.stderr)


def _forget(stream: TextIO) -> None:
    """Lead what is left in the stream's buffer nowhere. Python would try to write it once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
