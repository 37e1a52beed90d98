"""Argument types of the outbox commands: what is out of range is refused with the reason, exit code 2."""

from __future__ import annotations

from argparse import ArgumentTypeError


def positive_int(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
        raise ArgumentTypeError(f"must be a whole number from 1 to 100000, not {text!r}")
    return int(text)


def positive_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 3600:
        raise ArgumentTypeError(f"must be seconds from 0.01 to 3600, not {text!r}")
    return seconds
