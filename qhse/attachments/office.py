"""Office files: archives of XML. They are read as nobody's friend, and never unpacked to a disk."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import BinaryIO

MAX_UNPACKED = 100 * 1_048_576  # bytes of all members together
MAX_MEMBERS = 5_000
MAX_DIRECTORY = 1_048_576  # bytes; the library reads the list of members whole
CONTENT_TYPES = "[Content_Types].xml"

_ACTIVE_MEMBERS = ("vbaproject", "macrosheets/", "/embeddings/", "/activex/")
_ACTIVE_TYPES = (b"macroenabled", b"vbaproject", b"oleobject", b"activex")

_END = struct.Struct("<4s4H2LH")  # the record at the end of an archive (APPNOTE, 4.3.16)
_LOCATOR_LENGTH = 20  # of the record before it, in archives of more than 4 GiB
_ENCRYPTED = 0x1
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error,
)  # fmt: skip


class ArchiveIsRefused(ValueError):
    """The message goes on behind the words `The file`."""


def demand_office(content: BinaryIO, size: int, *, main: str) -> None:
    """
    Raise ArchiveIsRefused unless this is an office file whose member `main` says what it is.

    Refused are archives with something before or behind them, with macros, encrypted or repeated members, and those
    that unpack to more than MAX_UNPACKED bytes. Each member is unpacked once, in pieces: none is damaged, and none lies
    about its size. That bounds time and memory, whatever the archive says.
    """
    _demand_plain_end(content, size)
    try:
        with zipfile.ZipFile(content) as archive:
            _demand_members(archive.infolist(), main)
            _demand_no_macros(archive)
            damaged = archive.testzip()
    except ArchiveIsRefused:
        raise
    except _DAMAGE:
        damaged = "it"
    if damaged:
        raise ArchiveIsRefused("is damaged")


def _demand_plain_end(content: BinaryIO, size: int) -> None:
    """Look at the end before the library does: it would read as long a list as it finds, and skip what is in front."""
    length = _END.size + _LOCATOR_LENGTH
    content.seek(max(0, size - length))
    end = content.read(length)
    if len(end) < length:
        raise ArchiveIsRefused("is damaged")
    mark, *_, members, listed, begin, comment = _END.unpack(end[_LOCATOR_LENGTH:])
    if mark != b"PK\x05\x06" or comment or end.startswith(b"PK\x06\x07"):
        raise ArchiveIsRefused("is damaged, or is not an archive alone")
    if members > MAX_MEMBERS or listed > MAX_DIRECTORY:
        raise ArchiveIsRefused("has too many members")
    if begin + listed != size - _END.size:
        raise ArchiveIsRefused("is damaged, or is not an archive alone")


def _demand_no_macros(archive: zipfile.ZipFile) -> None:
    """The list of content types says which members are programs, whatever they are called."""
    with archive.open(CONTENT_TYPES) as member:
        listed = member.read(MAX_DIRECTORY).lower()
    if any(mark in listed for mark in _ACTIVE_TYPES):
        raise ArchiveIsRefused("holds macros or other files")


def _demand_members(members: list[zipfile.ZipInfo], main: str) -> None:
    names = [member.filename for member in members]
    if CONTENT_TYPES not in names or main not in names:
        raise ArchiveIsRefused("lacks the members that make it one")
    if len(set(names)) < len(names) or len(names) > MAX_MEMBERS:
        raise ArchiveIsRefused("has repeated or too many members")
    if any(mark in name.lower() for name in names for mark in _ACTIVE_MEMBERS):
        raise ArchiveIsRefused("holds macros or other files")
    if any(name.startswith("/") or ".." in name.split("/") or "\\" in name for name in names):
        raise ArchiveIsRefused("has members that lie outside of it")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise ArchiveIsRefused("is encrypted")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise ArchiveIsRefused("is packed in an unusual way")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise ArchiveIsRefused(f"unpacks to more than {MAX_UNPACKED:,} bytes")
