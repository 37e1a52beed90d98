"""For tests that begin with an import that has been previewed, and are about something else."""

from __future__ import annotations

import io
from copy import deepcopy
from functools import cache
from typing import Any, BinaryIO
from unittest import mock

from qhse.exchange import tables
from qhse.exchange.models import ImportJob
from qhse.exchange.services import preview_import

_read = tables._answer_of


@cache
def _read_once(content: bytes, kind: str) -> Any:
    return _read(io.BytesIO(content), kind)


def _read_now(content: BinaryIO, kind: str) -> Any:
    content.seek(0)
    return deepcopy(_read_once(content.read(), kind))


def previewed(content: bytes, **values: Any) -> ImportJob:
    """Preview a table as its service does. The process that reads it starts once for the same bytes, not each time."""
    with mock.patch.object(tables, "_answer_of", _read_now):
        return preview_import(content=io.BytesIO(content), **values)
