"""Files that come with a request: `multipart/form-data`, for the views that take it, read as a stream."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.urls import Resolver404, resolve
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from qhse.api.requests.parsers import PayloadTooLarge

MEDIA_TYPE = "multipart/form-data"
OVERHEAD = 65_536  # bytes of a body beside the content of its file
TAIL = 512  # bytes; a boundary has at most 200
_CHUNK = 65_536
DRAINED = 8 * 1_048_576  # bytes beyond the bound


class IncompleteRequest(APIException):
    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_code = "incomplete_request"
    default_detail = "The body did not arrive whole and in time."


class NoRoomForUpload(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "storage_unavailable"
    default_detail = "The file could not be received; ask again later."
    wait = 5


def largest_body() -> int:
    """Return how many bytes a body with a file may have."""
    return settings.ATTACHMENT_MAX_BYTES + OVERHEAD


def takes_upload(path: str, content_type: str | None) -> bool:
    """Answer whether a body of this media type at this address is a file's, and read by UploadParser."""
    if content_type != MEDIA_TYPE:
        return False
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return UploadParser in getattr(getattr(view, "cls", None), "parser_classes", ())


class BoundedStream:
    """
    The body of a request, read as far as it goes and never further than `most` bytes, else `largest_body`.

    `length` None is a body in chunks. What is wrong with it is raised as the API's own refusal.
    """

    def __init__(self, source: Any, length: int | None, *, most: int | None = None) -> None:
        self._source, self._length = source, length
        self._most = largest_body() if most is None else most
        self._count = 0
        self.is_over = False
        self.received: list[ReceivedFile] = []

    def read(self, size: int = -1) -> bytes:
        left = self._most + 1 - self._count if self._length is None else self._length - self._count
        wanted = left if size is None or size < 0 else min(size, left)
        if self.is_over or wanted <= 0:
            return b""
        try:
            piece: bytes = self._source.read(wanted)
        except ParseException:
            self.is_over = True
            raise ParseError("The chunks of the body are malformed.") from None
        except OSError:
            self.is_over = True
            raise IncompleteRequest from None
        self._count += len(piece)
        if self._count > self._most:
            raise _too_large()
        if not piece:
            self.is_over = True
            if self._length is not None:
                raise IncompleteRequest
        return piece

    def demand_bound(self) -> None:
        if self._length is not None and self._length > largest_body():
            raise _too_large()

    def close(self) -> None:
        """Let go of the files that came, once they are answered."""
        for file in self.received:
            file.close()

    def drain(self) -> None:
        """Read what nobody wanted. A connection that is closed before would be reset, and the answer lost."""
        left = largest_body() + DRAINED - self._count
        if self._length is not None:
            left = min(left, self._length - self._count)
        with suppress(OSError, ParseException):
            while left > 0 and not self.is_over and (piece := self._source.read(min(left, _CHUNK))):
                left -= len(piece)


class ReceivedFile(UploadedFile):
    """A file that has arrived on the disk of the storage. It goes away when it is closed."""

    def __init__(self, name: str, content_type: str) -> None:
        file = _new_file()
        super().__init__(file, name, content_type, 0)
        self._file, self._size = file, 0
        self._digest = hashlib.sha256()

    def receive(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._file.write(piece)
        self._size += len(piece)

    def complete(self) -> None:
        self.size = self._size
        self._file.seek(0)  # which writes what is held back

    def temporary_file_path(self) -> str:
        return str(self._file.name)

    @property
    def fingerprint(self) -> list[Any]:
        """What tells one upload from another, for repeated requests."""
        return [self.name, self._size, self._digest.hexdigest()]


def _new_file() -> Any:
    """Return a new file where uploads arrive. Nothing of the client's name is in its own. Raises OSError."""
    directory = settings.ATTACHMENTS_INCOMING
    try:
        return tempfile.NamedTemporaryFile(suffix=".upload", dir=directory)
    except FileNotFoundError:
        if directory is None:
            raise
        # It stood there when the server began. The storage's own directory is not made: its disk may not be mounted.
        directory.mkdir(mode=0o750, exist_ok=True)
        return tempfile.NamedTemporaryFile(suffix=".upload", dir=directory)


class _Receiver(FileUploadHandler):
    """Writes each file to the disk as it comes, and stops at the first byte too many."""

    def __init__(self, received: list[ReceivedFile]) -> None:
        super().__init__()
        self.received = received

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received.append(ReceivedFile(str(self.file_name), str(self.content_type)))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > settings.ATTACHMENT_MAX_BYTES:
            raise _too_large()
        self.received[-1].receive(raw_data)

    def file_complete(self, file_size: int) -> ReceivedFile:
        self.received[-1].complete()
        return self.received[-1]


class UploadParser(BaseParser):
    """
    Parses a form with files into one dict: text by field, and a ReceivedFile by field.

    No file is held in memory. A body above `largest_body`, and a file above ATTACHMENT_MAX_BYTES, is 413. The rest is
    400: a form that ends without its closing line, a repeated field, text that is not UTF-8.
    """

    media_type = MEDIA_TYPE

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body: BoundedStream = stream._stream  # as BodyMiddleware has left it
        body.demand_bound()
        watched = _Watched(stream)
        meta = {"CONTENT_TYPE": media_type or "", "CONTENT_LENGTH": str(largest_body())}
        try:
            parser = MultiPartParser(meta, cast(Any, watched), [_Receiver(body.received)], encoding="utf-8")
            fields, files = parser.parse()
        except RequestDataTooBig:
            raise PayloadTooLarge("The fields of the form are too large.") from None
        except (MultiPartParserError, SuspiciousOperation) as error:
            raise ParseError(f"The body is no form: {error}") from None
        except OSError as error:
            raise NoRoomForUpload from error
        _demand_end(watched, parser._boundary)  # type: ignore[attr-defined]
        return _form([*fields.lists(), *files.lists()])


class _Watched:
    """Remembers the end of what was read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.tail = b""

    def read(self, size: int) -> bytes:
        piece: bytes = self._stream.read(size)
        self.tail = (self.tail + piece[-TAIL:])[-TAIL:]
        return piece


def has_end(tail: bytes, boundary: bytes) -> bool:
    """Answer whether a form is whole. Django takes one that was cut off for a whole one, and its file with it."""
    return b"--" + boundary + b"--" in tail


def _demand_end(watched: _Watched, boundary: bytes) -> None:
    if not has_end(watched.tail, boundary):
        raise ParseError("The body is no whole form: its closing line is missing.")


def _form(items: list[tuple[str, list[Any]]]) -> dict[str, Any]:
    form = {name: values[0] for name, values in items}
    repeated = {name for name, values in items if len(values) > 1} | _twice(name for name, _ in items)
    problems = {name: [ErrorDetail("Given more than once.", code="repeated_field")] for name in sorted(repeated)}
    for name, value in form.items():
        if isinstance(value, str) and "\ufffd" in name + value:
            problems[name[:64]] = [ErrorDetail("Is not UTF-8.", code="invalid_encoding")]
    if problems:
        raise ValidationError(problems)
    return form


def _twice(names: Iterator[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The file is larger than {settings.ATTACHMENT_MAX_BYTES:,} bytes.")
