"""The one parser of request bodies: JSON, bounded, without what later code could stumble over."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Possessive (`*+`): a megabyte of quotes or backslashes is passed over once and never again.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))
_MAX_BRACKETS = 20_000  # a megabyte of empty arrays would cost the parser a hundred times its size in memory
_MAX_DIGITS = 64  # no field takes longer numbers, and the time that int() needs grows with their square


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."


class StrictJSONParser(BaseParser):
    """
    Parses one JSON document in UTF-8. Refuses what JSON readers disagree about.

    A body above DATA_UPLOAD_MAX_MEMORY_SIZE is 413. The rest is 400: other encodings; nesting deeper than MAX_DEPTH;
    ten thousand arrays or objects; a repeated key, of which readers keep different ones; NaN, Infinity and numbers
    beyond a double; NUL and lone surrogates, which a database cannot store.

    Depth and number of brackets are found before parsing. The parser itself would exhaust the stack or the memory.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = _read_bounded(stream)
        _refuse_structure(body)
        try:
            text = body.decode("utf-8")
            document = json.loads(
                text,
                object_pairs_hook=_object,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                parse_int=_whole,
            )
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None
        if b"\\u" in body:  # raw, both are refused above: as a control character and as bad UTF-8
            _refuse_unstorable(document)
        return document


def _read_bounded(stream: Any) -> bytes:
    body: bytes = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise PayloadTooLarge()
    return body


def _refuse_structure(body: bytes) -> None:
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    steps = map(_STEPS.__getitem__, brackets[:_MAX_BRACKETS])
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if len(brackets) > _MAX_BRACKETS:
        raise ParseError(f"The body holds more than {_MAX_BRACKETS // 2:,} arrays and objects.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is repeated")
    return document


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_unstorable(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ParseError("Text must not contain the NUL character.")
        if _LONE_SURROGATE.search(value):
            raise ParseError("Text must not contain lone surrogates.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)
