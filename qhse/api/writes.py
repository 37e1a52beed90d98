"""`@repeatable`, for every writing action. Repeats under a key change nothing; a deadlock costs a second try."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from functools import partial, wraps
from itertools import count
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.models import IdempotencyRecord
from qhse.database import SqlState, sqlstate, take_turn
from qhse.errors import DomainError, InvalidInput

WRITING_METHODS = frozenset({"POST", "PATCH"})
KEY_PATTERN = r"[\x21-\x7e]{1,255}"
KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MOST_TRIES = 4  # the first and three more
_KEY = re.compile(KEY_PATTERN)
_ROLLED_BACK_TO_RESOLVE_A_CONFLICT = frozenset({SqlState.SERIALIZATION_FAILURE, SqlState.DEADLOCK})

View = TypeVar("View")
Arguments = ParamSpec("Arguments")
Action = Callable[..., Response]


class IdempotencyKeyIsInvalid(InvalidInput):
    code = "invalid_idempotency_key"


class RequestIsInFlight(DomainError):
    """Another request of this user with this key has not ended yet."""

    code = "request_in_flight"
    retry_after = 1


class IdempotencyKeyIsReused(DomainError):
    status = 422
    code = "idempotency_key_reused"
    title = "Unprocessable content"


def repeatable(
    action: Callable[Concatenate[View, Request, Arguments], Response],
) -> Callable[Concatenate[View, Request, Arguments], HttpResponseBase]:
    """
    Let a writing action of a viewset be repeated under an Idempotency-Key, and try it again after a deadlock.

    A client that lost an answer asks again with the same key and body, and gets the one result. The answer is kept; its
    record commits with the write. A key belongs to a user, a method and a path. The same key raises RequestIsInFlight
    while the first request has not ended, and IdempotencyKeyIsReused with another body. Refusals are not kept. What was
    written before one is rolled back.

    A write that PostgreSQL rolled back because of a deadlock or a serialization failure is tried MOST_TRIES times.
    Nothing of it is stored, and its turn comes when the other has ended.

    Not for an action whose answer is a secret, such as a token: the answer would be kept.
    """

    @wraps(action)
    def perform(view: View, request: Request, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
        return _perform(partial(action, view), request, args, kwargs)

    vars(perform)["repeatable"] = True  # a mark, which decorators above this one copy
    return perform


def is_repeatable(view: Any) -> bool:
    """Answer whether the action that a viewset was asked for is declared `@repeatable`."""
    action = getattr(type(view), getattr(view, "action", None) or "", None)
    return getattr(action, "repeatable", False)


def _perform(action: Action, request: Request, args: Any, kwargs: Any) -> HttpResponseBase:
    key = _key_of(request)
    for attempt in count(1):
        try:
            return _write(action, request, args, kwargs, key)
        except OperationalError as error:
            is_conflict = sqlstate(error) in _ROLLED_BACK_TO_RESOLVE_A_CONFLICT
            if attempt == MOST_TRIES or not is_conflict or connection.in_atomic_block:
                raise
        # Random, so that the two do not meet again.
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable")


def _write(action: Action, request: Request, args: Any, kwargs: Any, key: str | None) -> HttpResponseBase:
    if key is None:
        return action(request, *args, **kwargs)
    name = _digest([request.user.pk, request.method, request.path_info, key])
    fingerprint = _digest(request.data)
    with transaction.atomic():
        # Not by the unique key alone: on it a second INSERT would wait until the first transaction ends, however long.
        if not take_turn(int(name[:16], 16) - 2**63):
            raise RequestIsInFlight("The first request with this Idempotency-Key has not ended; ask again shortly.")
        known = IdempotencyRecord.objects.filter(pk=name).first()
        if known is not None:
            return _answer_again(known, fingerprint)
        response = action(request, *args, **kwargs)
        if response.status_code >= 400:
            transaction.set_rollback(True)
        else:
            _remember(name, fingerprint, request, response)
        return response


def _key_of(request: Request) -> str | None:
    text = request.headers.get(KEY_HEADER)
    if text is None:
        return None
    key = text.strip()
    # The draft makes it a structured field, a text in quotes; most clients send it bare.
    key = key[1:-1] if len(key) >= 2 and key[0] == key[-1] == '"' else key
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyIsInvalid("Must be 1 to 255 visible ASCII characters, such as a UUID.", field=KEY_HEADER)
    return key


def _digest(value: Any) -> str:
    """Return a digest of a JSON document. The order of its keys and its white space do not matter."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _remember(name: str, fingerprint: str, request: Request, response: Response) -> None:
    user: Any = request.user
    body = "" if response.data is None else JSONRenderer().render(response.data).decode()
    IdempotencyRecord.objects.bulk_create([
        IdempotencyRecord(
            pk=name, user=user, fingerprint=fingerprint, status=response.status_code, body=body,
            etag=response.headers.get("ETag", ""),
        )
    ])  # fmt: skip


def _answer_again(known: IdempotencyRecord, fingerprint: str) -> HttpResponse:
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyIsReused("This Idempotency-Key belongs to a request with another body; use a new one.")
    response = HttpResponse(known.body, status=known.status, content_type="application/json")
    if known.etag:
        response["ETag"] = known.etag
    response[REPLAYED_HEADER] = "true"
    return response
