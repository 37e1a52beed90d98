"""
Files that come with a form of a page: as streamed and as bounded as those of the API.

A page takes files if its admin answers two questions, `takes_file_at` and `wants_file`. The first is about the address
alone. The second comes when a file begins. By then it is known whose session it is.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.urls import Resolver404, resolve
from rest_framework.exceptions import APIException

from qhse.api.requests.parsers import PayloadTooLarge
from qhse.api.requests.uploads import DRAINED, MEDIA_TYPE, TAIL, BoundedStream, ReceivedFile, has_end, largest_body

logger = logging.getLogger("qhse.pages")

_CHUNK = 65_536  # bytes


def page_with_upload(request: HttpRequest) -> Any:
    """Return the admin that takes a file at this address. None if there is none, or this is no form with files."""
    if request.content_type != MEDIA_TYPE:
        return None
    try:
        page: Any = getattr(resolve(request.path_info).func, "model_admin", None)
    except Resolver404:
        return None
    return page if hasattr(page, "takes_file_at") and page.takes_file_at(request) else None


class PageStream(BoundedStream):
    """
    The body of a page's form.

    One that is too large ends early, so that its page can say so beside the field. What else is wrong with it is an
    OSError, as Django expects, and stays in `refusal`.
    """

    def __init__(self, source: Any, length: int | None) -> None:
        super().__init__(source, length, most=largest_body() + DRAINED)
        self.refusal: APIException | None = None
        self.was_cut = False
        self.tail = b""

    def read(self, size: int = -1) -> bytes:
        try:
            piece = super().read(size)
        except PayloadTooLarge:
            self.is_over = self.was_cut = True
            return b""
        except APIException as refusal:
            self.refusal = refusal
            raise ConnectionError("the body is not whole") from refusal
        self.tail = (self.tail + piece[-TAIL:])[-TAIL:]
        return piece

    def readline(self) -> bytes:
        """Read on. With it Django reads what is left behind a form, and looks at none of it."""
        return self.read(_CHUNK)


def receive_for(page: Any, request: HttpRequest, stream: PageStream) -> None:
    """Let Django read the form's files from this stream, if the page wants them."""
    request.upload_handlers = [_Receiver(page, request, stream)]


class _Receiver(FileUploadHandler):
    """
    Writes each file to the disk as it comes, if the page wants it of this person.

    Of one that is too large it keeps one byte more than allowed. By that byte the service sees it. Of one that the page
    does not want, nothing is kept: it is read off the line. Why one that was wanted is not there stands in `lost_file`
    of the request.
    """

    def __init__(self, page: Any, request: HttpRequest, stream: PageStream) -> None:
        super().__init__(request)
        self._page, self._stream = page, stream
        self._boundary = b""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        self._boundary = boundary

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if not self._is_wanted():
            raise SkipFile
        try:
            self._stream.received.append(ReceivedFile(str(self.file_name), str(self.content_type)))
        except OSError:
            self._give_up()
            raise SkipFile from None

    def _is_wanted(self) -> bool:
        try:
            return bool(self._page.wants_file(self.request))
        except DatabaseError:
            return False  # the page asks the database as well, and can say what is wrong with it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = settings.ATTACHMENT_MAX_BYTES + 1 - start
        if room <= 0:
            return
        try:
            self._stream.received[-1].receive(raw_data[:room])
        except OSError:
            self._give_up()
            raise SkipFile from None

    def file_complete(self, file_size: int) -> ReceivedFile | None:
        try:
            self._stream.received[-1].complete()
        except OSError:
            self._give_up()
            return None
        return self._stream.received[-1]

    def _give_up(self) -> None:
        logger.exception("a file could not be received")
        vars(self.request)["lost_file"] = "The file could not be received; try it again shortly."

    def upload_complete(self) -> None:
        if self._stream.was_cut:
            vars(self.request)["lost_file"] = "The file is much too large."
        elif not has_end(self._stream.tail, self._boundary):
            raise MultiPartParserError("The body is no whole form: its closing line is missing.")
