"""ETag and If-Match: a change is refused if somebody else has changed its base since."""

from __future__ import annotations

import re
from collections.abc import Collection

from rest_framework.request import Request

from qhse.errors import InvalidInput, RecordHasChanged

IF_MATCH = "If-Match"
_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
# Empty elements of a list are passed over (RFC 9110, 5.6.1.2).
_TAGS = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*", re.ASCII)
# What proxies make of it when they compress an answer: W/"2" (nginx), "2-gzip" (Apache, Caddy), "2--gzip", "2;br". Two
# of them make two of it.
_CODING = r"(?:[-;:/+.]{1,2}(?:x-)?(?:gzip|brotli|br|zstd|dcz|dcb|deflate|compress)){1,3}"
_OURS = re.compile(rf'"([1-9][0-9]{{0,8}})(?:{_CODING})?"', re.ASCII | re.IGNORECASE)


# What `*` accepts: every version that a tag can name, and not that of a record that is not there.
_ANY = range(1, 10**9)


class IfMatchIsInvalid(InvalidInput):
    code = "invalid_if_match"


def etag_of(version: int) -> str:
    """Return the entity tag of a record's version."""
    return f'"{version}"'


def expected_versions(request: Request) -> Collection[int] | None:
    """
    Return the versions that If-Match accepts, for a service to compare under lock. Without the header it is None, which
    expects nothing; `*` expects that there is a record.

    A tag that a compressing proxy has made weak, or given a suffix, is still ours. RFC 9110 (13.1.1) lets weak tags
    match nothing, because they may stand for several contents. Ours counts versions, and the compressed answer has the
    same one. Tags that we never gave match nothing. Raises IfMatchIsInvalid.
    """
    text = request.headers.get(IF_MATCH)
    if text is None:
        return None
    if text.strip() == "*":
        return _ANY
    if not _TAGS.fullmatch(text):
        raise IfMatchIsInvalid(
            'Must be the ETag of an earlier answer, such as "3", several of them, or *.', field=IF_MATCH
        )
    return frozenset(int(number) for number in _OURS.findall(text))


def refuse_condition(request: Request) -> None:
    """Refuse If-Match where nothing has an entity tag. Ignoring it would make the change unconditional."""
    if IF_MATCH in request.headers:
        raise RecordHasChanged("This route has no entity tag that If-Match could name.")
