"""ETag and If-Match: a change is refused if somebody else has changed its base since."""

from __future__ import annotations

import re

from rest_framework.request import Request

from qhse.errors import InvalidInput, RecordHasChanged

IF_MATCH = "If-Match"
_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
_TAGS = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*", re.ASCII)
_OURS = re.compile(r'(?<!W/)"([1-9][0-9]{0,8})"', re.ASCII)


class IfMatchIsInvalid(InvalidInput):
    code = "invalid_if_match"


def etag_of(version: int) -> str:
    """Return the entity tag of a record's version."""
    return f'"{version}"'


def expected_versions(request: Request) -> frozenset[int] | None:
    """
    Return the versions that If-Match accepts, for a service to compare under lock. None is any: no header, or `*`.

    Weak tags and tags that we never gave match nothing (RFC 9110, 13.1.1 and 8.8.3.2). Raises IfMatchIsInvalid.
    """
    text = request.headers.get(IF_MATCH)
    if text is None or text.strip() == "*":
        return None
    if not _TAGS.fullmatch(text):
        raise IfMatchIsInvalid(
            'Must be the ETag of an earlier answer, such as "3", several of them, or *.', field=IF_MATCH
        )
    return frozenset(int(number) for number in _OURS.findall(text))


def refuse_condition(request: Request) -> None:
    """Refuse If-Match where nothing has an entity tag. Ignoring it would make the change unconditional."""
    if IF_MATCH in request.headers:
        raise RecordHasChanged("This route has no entity tag that If-Match could name.")
