"""What people type and paste into search boxes, made comparable: pure text rules."""

from __future__ import annotations

import re
import unicodedata

MOST_FOUND = 200  # records whose name or number a term means, where something else is searched by them
MOST_WORDS = 50

_DASHES = re.compile(r"[\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d]")
_INVISIBLE = re.compile(r"[\0\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_AROUND = " \t.,;:!?()[]{}<>\"'`“”„‟‘’‚«»‹›|*"


def as_typed(text: str) -> str:
    """
    Return a text as a keyboard would have written it.

    Mails and office programs put in dashes and spaces of other kinds, full-width letters, and characters that nobody
    sees.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_DASHES.sub("-", text).split())


def unquoted(text: str) -> str:
    """Return a as_typed text without the quotes, brackets and full stops that were copied with it."""
    return as_typed(text).strip(_AROUND)


def words_of(text: str) -> list[str]:
    """
    Return the words of a search, each once and without what was copied with it. Of signs alone the signs are sought.

    A whole page that was pasted is sought by its first MOST_WORDS.
    """
    words = dict.fromkeys(word.strip(_AROUND) or word for word in as_typed(text).split())
    return list(words)[:MOST_WORDS]
