"""`@repeatable`, for every writing action. Repeats under a key change nothing; a deadlock costs a second try."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.rendering import AnswerRenderer
from qhse.errors import DomainError, InvalidInput
from qhse.repeats.models import IdempotencyRecord
from qhse.repeats.writes import Write, digest, first_answer, keep_answer, tried_again

WRITING_METHODS = frozenset({"POST", "PUT", "PATCH"})
KEY_PATTERN = r"[\x21-\x7e]{1,255}"
KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_KEY = re.compile(KEY_PATTERN)


class AnswerWithSecret(Response):
    """An answer that tells a secret, once. What is `kept` of it, and answered again, is the same without it."""

    def __init__(self, data: Any, *, kept: Any, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.kept = kept


View = TypeVar("View")
Arguments = ParamSpec("Arguments")
Action = Callable[..., Response]


class IdempotencyKeyIsInvalid(InvalidInput):
    code = "invalid_idempotency_key"


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

    A write that PostgreSQL rolled back because of a deadlock or a serialization failure is tried again: see
    `tried_again`.

    Not for an action whose answer is a secret, such as a token: the answer would be kept. One that holds a secret
    beside other things returns an AnswerWithSecret.
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
    return tried_again(partial(_write, action, request, args, kwargs, key))


def _write(action: Action, request: Request, args: Any, kwargs: Any, key: str | None) -> HttpResponseBase:
    if key is None:
        return action(request, *args, **kwargs)
    name = digest([request.user.pk, request.method, request.path_info, key])
    write = Write(request.user, name, digest(request.data))
    with transaction.atomic():
        known = first_answer(write, wait=False)
        if known is not None:
            return _answer_again(known, write.fingerprint)
        response = action(request, *args, **kwargs)
        if response.status_code >= 400:
            transaction.set_rollback(True)
        else:
            _keep(write, response)
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


def _keep(write: Write, response: Response) -> None:
    data = getattr(response, "kept", response.data)
    body = "" if data is None else AnswerRenderer().render(data).decode()
    keep_answer(write, status=response.status_code, body=body, etag=response.headers.get("ETag", ""))


def _answer_again(known: IdempotencyRecord, fingerprint: str) -> HttpResponse:
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyIsReused("This Idempotency-Key belongs to a request with another body; use a new one.")
    response = HttpResponse(known.body, status=known.status, content_type="application/json")
    if known.etag:
        response["ETag"] = known.etag
    response[REPLAYED_HEADER] = "true"
    return response
