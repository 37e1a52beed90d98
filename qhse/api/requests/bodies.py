"""Request bodies: read once, whole and bounded, before anything looks at them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from qhse.api.problems.document import problem
from qhse.api.requests.page_uploads import PageStream, page_with_upload, receive_for
from qhse.api.requests.uploads import BoundedStream, largest_body, takes_upload

_DRAIN_LIMIT = 8 * 1_048_576  # bytes
_CHUNK = 65_536  # bytes
_WITHOUT_BODY = frozenset({"GET", "HEAD"})  # no route reads one


class BodyMiddleware:
    """
    Reads the body of a writing request, and gives it its true length.

    A body comes in chunks (RFC 9112, 7.1) or with its length. Django believes Content-Length alone. It finds a body in
    chunks empty: a request whose parts nobody checked. From here on both are the same. A body that ends too early is
    408. Chunks that are none are 400. At most one byte more than DATA_UPLOAD_MAX_MEMORY_SIZE is kept; by that byte the
    parser sees that it is too large.

    A file, where a view takes one, is not kept: UploadParser reads it from the line, under its own bound. So does
    `page_uploads` for a page of the admin site.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in _WITHOUT_BODY:
            return self.get_response(request)
        if takes_upload(request.path_info, request.content_type):
            return self._with_stream(request, BoundedStream(request.META["wsgi.input"], _length_of(request.META)))
        if (page := page_with_upload(request)) is not None:
            return self._with_page(request, page)
        try:
            body = _body_of(request.META)
        except ParseException:
            return problem(status=400, code="bad_request", detail="The chunks of the body are malformed.")
        except OSError:
            return problem(status=408, code="incomplete_request", detail="The body did not arrive whole and in time.")
        replaced: Any = request
        replaced._stream = BytesIO(body)
        request.META["CONTENT_LENGTH"] = str(len(body))
        return self.get_response(request)

    def _with_page(self, request: HttpRequest, page: Any) -> HttpResponse:
        stream = PageStream(request.META["wsgi.input"], _length_of(request.META))
        receive_for(page, request, stream)
        response = self._with_stream(request, stream)
        if stream.refusal is None:
            return response
        # Nothing was done: without its end the form had no fields, not even the token against forgery.
        refusal = stream.refusal
        return problem(status=refusal.status_code, code=refusal.default_code, detail=str(refusal.detail))

    def _with_stream(self, request: HttpRequest, stream: BoundedStream) -> HttpResponse:
        length = _length_of(request.META)
        replaced: Any = request
        replaced._stream = stream
        # Of a body in chunks nobody knows it, and none would be taken for no body.
        request.META["CONTENT_LENGTH"] = str(largest_body() if length is None else length)
        try:
            return self.get_response(request)
        finally:
            stream.drain()
            stream.close()


def _length_of(meta: dict[str, Any]) -> int | None:
    """Return the length of a body that has one, None of a body in chunks."""
    if "HTTP_TRANSFER_ENCODING" in meta and meta.get("wsgi.input_terminated"):
        return None
    digits = meta.get("CONTENT_LENGTH") or "0"
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _body_of(meta: dict[str, Any]) -> bytes:
    """Read the body of a WSGI environment. Raises OSError when it ends too early; gunicorn's error is one."""
    return _read(meta["wsgi.input"], _length_of(meta))


def _read(stream: Any, length: int | None) -> bytes:
    """Return so many bytes, or all until the stream ends. Of too many, return one more than allowed."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    wanted = most if length is None else min(length, most)
    body: bytes = stream.read(wanted) if wanted else b""
    if length is not None and len(body) < wanted:
        raise ConnectionError("the body is shorter than its Content-Length")
    if len(body) == most:
        _drain(stream, _DRAIN_LIMIT if length is None else min(length - most, _DRAIN_LIMIT))
    return body


def _drain(stream: Any, most: int) -> None:
    # Closing a connection with unread data resets it, and the client would see that instead of the answer.
    while most > 0 and (chunk := stream.read(min(most, _CHUNK))):
        most -= len(chunk)
