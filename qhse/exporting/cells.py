"""What stands in one cell of an export, and what must not be run there."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any, NamedTuple


class Kind(Enum):
    """What the values of a column are, where their type in Python does not say it."""

    PLAIN = "plain"
    DAY = "day"  # a date, or its text by ISO 8601
    MOMENT = "moment"  # a datetime, or its text by ISO 8601
    NUMBER = "number"  # a number, or its text


class Column(NamedTuple):
    name: str
    kind: Kind = Kind.PLAIN


Row = list[Any]

STORED = " (stored)"
"""Ends the name of a column that has what is stored, where another one tells the same to people."""

# Spreadsheets run what begins so, some also behind white space, and those of East Asia in full width.
_RUN = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_MAY_BE_RUN = re.compile(rf"'*(?:[\t\r\n]|\s*[{_RUN}])")


def may_be_run(text: str) -> bool:
    """Answer whether a spreadsheet might take this text for a formula."""
    return _MAY_BE_RUN.match(text) is not None


def guarded(text: str) -> str:
    """
    Return a text that no spreadsheet runs: an apostrophe stands in front of what it would run.

    Imports take it away again: `qhse.exchange.table_reader.as_it_was`.
    """
    return f"'{text}" if _MAY_BE_RUN.match(text) else text


def as_text(value: Any) -> str:
    """Return a value that is neither number, day nor text as one text. Lists and objects are JSON."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)
    return str(value)
