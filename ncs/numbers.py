"""The number of an NC, in all the forms in which people write it."""

from __future__ import annotations

import re

from qhse.searching import unquoted

_ONE = re.compile(
    r"(?P<nc>NC)?[ #_:./-]*(?:N[OR]\.? ?)?(?:(?P<year>[0-9]{4})[ _/-]+)?(?P<hash>#)?0*(?P<id>[0-9]{1,18})",
    re.IGNORECASE,
)
_FULL = re.compile(r"(?<![\w-])NC[ _/-]?[0-9]{4}[ _/-]0*([0-9]{1,18})(?![\w-])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;.:/&+-]*|and|or", re.IGNORECASE)


def numbers_in(text: str) -> tuple[list[int], bool]:
    """
    Return the ids that a search means, and whether it can mean nothing else.

    NC-2026-00012, nc-12, #12, NC 12 and a list of full numbers are such searches. 12 and 2026-00012 may stand in a
    description as well, and so may a full number among other words. The year is not compared.
    """
    text = unquoted(text)
    if one := _ONE.fullmatch(text):
        return [int(one["id"])], bool(one["nc"] or "#" in text)
    ids = [int(found) for found in _FULL.findall(text)]
    rest = _FULL.sub(" ", text).split()
    return ids, bool(ids) and all(_BETWEEN.fullmatch(word) for word in rest)
