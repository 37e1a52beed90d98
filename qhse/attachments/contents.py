"""
What a file is, by its content. Its name must agree; what the sender says beside it is not looked at.

The kinds are few, and each asks for more than its first bytes. So this is ours and no library's.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from django.conf import settings

from qhse.attachments.errors import FileIsEmpty, FileIsRefused, FileIsTooLarge
from qhse.attachments.names import extension_of
from qhse.attachments.office import ArchiveIsRefused, demand_office

CHUNK = 65_536  # bytes
_ENDS = 1_024  # bytes that are kept of the beginning and of the end
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_UNPRINTED = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


class Facts(NamedTuple):
    """What is known of a content that was read to its end."""

    size: int  # bytes
    sha256: str
    media_type: str


class _Read(NamedTuple):
    size: int
    sha256: str
    head: bytes
    tail: bytes
    is_text: bool


def _is_pdf(read: _Read) -> bool:
    # Where readers look for its end: one that was cut off has none.
    return read.head.startswith(b"%PDF-") and b"%%EOF" in read.tail


def _is_jpeg(read: _Read) -> bool:
    # Phones write films and depths behind the end of the picture, so nothing is demanded there.
    return read.head.startswith(b"\xff\xd8\xff")


def _is_png(read: _Read) -> bool:
    return read.head.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR") and read.tail.endswith(_PNG_END)


def _is_webp(read: _Read) -> bool:
    declared = int.from_bytes(read.head[4:8], "little") + 8
    return read.head[:4] == b"RIFF" and read.head[8:12] == b"WEBP" and declared in (read.size, read.size - 1)


def _is_heic(read: _Read) -> bool:
    length = int.from_bytes(read.head[:4], "big")
    brands = {read.head[place : place + 4] for place in (8, *range(16, min(length, _ENDS), 4))}
    return read.head[4:8] == b"ftyp" and bool(brands & _HEIC_BRANDS)


def _is_zip(read: _Read) -> bool:
    return read.head.startswith(b"PK\x03\x04")


class _Kind(NamedTuple):
    media_type: str
    looks_so: Callable[[_Read], bool]
    main: str = ""  # the member of an archive that says what it is


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY = (_is_pdf, _is_jpeg, _is_png, _is_webp, _is_heic, _is_zip)


def _is_text(read: _Read) -> bool:
    return read.is_text and not any(looks_so(read) for looks_so in _BINARY)


_JPEG, _HEIC = _Kind("image/jpeg", _is_jpeg), _Kind("image/heic", _is_heic)
KINDS = {
    "pdf": _Kind("application/pdf", _is_pdf),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "png": _Kind("image/png", _is_png),
    "webp": _Kind("image/webp", _is_webp),
    "heic": _HEIC,
    "heif": _HEIC,
    "txt": _Kind("text/plain", _is_text),
    "csv": _Kind("text/csv", _is_text),
    "xlsx": _Kind(_SHEET, _is_zip, main="xl/workbook.xml"),
    "docx": _Kind(_WORD, _is_zip, main="word/document.xml"),
}
MEDIA_TYPES = sorted({kind.media_type for kind in KINDS.values()})


def examined(content: BinaryIO, name: str) -> Facts:
    """
    Read a content in pieces, and return its facts.

    Raises FileIsEmpty, FileIsTooLarge; FileIsRefused for a kind that is not taken, for another one than the name says,
    and for a damaged file.
    """
    extension = extension_of(name)
    kind = KINDS.get(extension)
    if kind is None:
        known = ", ".join(f".{each}" for each in KINDS)
        raise FileIsRefused(f"The name must end with one of {known}.", field="file")
    read = _read(content)
    if not read.size:
        raise FileIsEmpty("The file is empty.", field="file")
    if not kind.looks_so(read):
        text = " Text must be UTF-8." if kind.looks_so is _is_text else ""
        raise FileIsRefused(f"The content is not that of a .{extension} file, or is damaged.{text}", field="file")
    if kind.main:
        try:
            demand_office(content, read.size, main=kind.main)
        except ArchiveIsRefused as refusal:
            raise FileIsRefused(f"The .{extension} file {refusal}.", field="file") from None
    return Facts(read.size, read.sha256, kind.media_type)


def digest_of(content: BinaryIO) -> tuple[int, str]:
    """Return size and SHA-256 of a content, read in pieces."""
    size, digest = 0, hashlib.sha256()
    for chunk in _chunks(content):
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _read(content: BinaryIO) -> _Read:
    size, digest, head, tail, text = 0, hashlib.sha256(), b"", b"", _TextCheck()
    for chunk in _chunks(content):
        size += len(chunk)
        if size > settings.ATTACHMENT_MAX_BYTES:
            raise FileIsTooLarge(f"The file is larger than {settings.ATTACHMENT_MAX_BYTES:,} bytes.", field="file")
        digest.update(chunk)
        head = head or chunk[:_ENDS]
        tail = (tail + chunk[-_ENDS:])[-_ENDS:]
        text.feed(chunk)
    return _Read(size, digest.hexdigest(), head, tail, text.ends_well())


def _chunks(content: BinaryIO) -> Iterator[bytes]:
    content.seek(0)
    while chunk := content.read(CHUNK):
        yield chunk


class _TextCheck:
    """Tells whether pieces of bytes are text in UTF-8 together. It stops looking at the first that is none."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if not self._is_text:
            return
        try:
            self._is_text = not _UNPRINTED.search(self._decoder.decode(chunk, final))
        except UnicodeDecodeError:
            self._is_text = False

    def ends_well(self) -> bool:
        self.feed(b"", final=True)
        return self._is_text
