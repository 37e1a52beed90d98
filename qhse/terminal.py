"""The streams and arguments of a command. It must not fail because of where its words come from or go to."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO


class ArgumentIsNotText(ValueError):
    """The command line holds bytes that are no text, neither in the terminal's encoding nor in UTF-8."""


@contextlib.contextmanager
def forgiving_streams() -> Iterator[None]:
    """
    Let every text be written, whatever the encoding of the terminal, file or pipe. What it lacks is escaped.

    What is read must be text. Otherwise the command ends with exit code 2, and says so.

    A reader that has seen enough (`| head`) ends the command in silence. What could not be written is an error.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed when the command started
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and name != "stdin":
            # Not what is read: guessing at what was typed would store something else.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here and not while Python ends, where nobody can catch it
    except UnicodeDecodeError as error:
        sys.exit(_complaint(f"what was typed, or read, is not text in {error.encoding}: {error.object[:80]!r}"))
    except ArgumentIsNotText as error:
        sys.exit(_complaint(str(error)))
    except BrokenPipeError:
        _forget(sys.stdout)
        sys.exit(141)  # as a shell says of a program that SIGPIPE ended


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


def _complaint(text: str) -> int:
    sys.stderr.write(f"qhse: {text}\n")
    return 2


def _forget(stream: TextIO) -> None:
    """Lead what is left in the stream's buffer nowhere. Python would try to write it once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
