"""What every writing request gets: repeats under a key change nothing, and a deadlock costs a second try."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.models import IdempotencyRecord
from qhse.database import try_lock
from qhse.errors import DomainError, InvalidInput

WRITING_METHODS = frozenset({"POST", "PATCH"})
KEY_PATTERN = r"[\x21-\x7e]{1,255}"
KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MOST_TRIES = 4  # the first and three more
_KEY = re.compile(KEY_PATTERN)
_ROLLED_BACK_TO_RESOLVE_A_CONFLICT = frozenset({"40001", "40P01"})  # serialization failure, deadlock

Handler = Callable[..., Response]


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


def perform_write(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """
    Call the handler of a writing request, or give again the answer that its Idempotency-Key already has.

    The record of the answer commits with the write. So a client that lost an answer, however and wherever, asks again
    with the same key and body, and gets the one result. The same key of the same user for the same method and path:
    RequestIsInFlight while the first has not ended, IdempotencyKeyIsReused with another body. Answers that are
    refusals are not kept, and whatever was written before one is rolled back.

    A write that PostgreSQL rolled back because of a deadlock or a serialization failure is tried MOST_TRIES times:
    nothing of it is stored, and its turn comes when the other has ended.
    """
    key = _key_of(request)
    for attempt in count(1):
        try:
            return _write(handler, request, args, kwargs, key)
        except OperationalError as error:
            is_conflict = getattr(error.__cause__, "sqlstate", "") in _ROLLED_BACK_TO_RESOLVE_A_CONFLICT
            if attempt == MOST_TRIES or not is_conflict or connection.in_atomic_block:
                raise
        # Random, so that the two do not meet again.
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable")


def _write(handler: Handler, request: Request, args: Any, kwargs: Any, key: str | None) -> HttpResponseBase:
    if key is None:
        return handler(request, *args, **kwargs)
    name = _digest([request.user.pk, request.method, request.path_info, key])
    fingerprint = _digest(request.data)
    with transaction.atomic():
        if not _take(name):
            raise RequestIsInFlight("The first request with this Idempotency-Key has not ended; ask again shortly.")
        known = IdempotencyRecord.objects.filter(pk=name).first()
        if known is not None:
            return _answer_again(known, fingerprint)
        response = handler(request, *args, **kwargs)
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
    """Return a digest of a JSON document that does not depend on the order of its keys or its white space."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _take(name: str) -> bool:
    """
    Lock this name until the transaction ends, or return False if somebody else has it.

    Not by the unique key alone: on it a second INSERT would wait until the first transaction ends, however long.
    """
    return try_lock(int(name[:16], 16) - 2**63)


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
