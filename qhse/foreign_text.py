"""Texts that nobody here has written, such as errors and answers of others. What they are part of is stored anyway."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import DataError, transaction

logger = logging.getLogger("qhse")

T = TypeVar("T")


def printable(text: str) -> str:
    """Return it with NUL and lone surrogates escaped: what no database keeps, whatever its encoding."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def store_foreign(store: Callable[..., T], **texts: str) -> T:
    """
    Call `store` with these texts by name, and return its result. None becomes longer than it is, also by escaping.

    If the database does not take them, it is called a second time, with plain ASCII. The first call then leaves nothing
    behind: it has a savepoint, or a transaction, of its own. Without that, a failure whose text cannot be stored would
    not be counted, and so be tried again for ever. ASCII alone is taken everywhere, and costs no savepoint.
    """
    as_it_is = {name: printable(text)[: len(text)] for name, text in texts.items()}
    if all(text.isascii() for text in as_it_is.values()):
        return store(**as_it_is)
    try:
        with transaction.atomic():
            return store(**as_it_is)
    except (DataError, UnicodeError) as refusal:
        logger.warning("a text is stored as ASCII, because the database does not take it: %s", str(refusal)[:200])
    return store(**{name: _ascii(text)[: len(text)] for name, text in texts.items()})


def _ascii(text: str) -> str:
    return text.replace("\x00", "\\x00").encode("ascii", "backslashreplace").decode()
