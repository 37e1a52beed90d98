"""Which files of a case are shown as pictures: a few, of a bounded size, and only as they were attached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ncs.report.shape import File, Picture, Pictures
from qhse.attachments import storage
from qhse.attachments.errors import StorageIsAway
from qhse.attachments.headers import SHOWN, pixels_of

MOST = 6  # pictures of a report
MOST_BYTES = 12 * 1_048_576  # of all of them
MOST_PIXELS = 40_000_000  # of one
MOST_PIXELS_OF_ALL = 80_000_000


def read_pictures(files: Iterable[File]) -> Pictures:
    """
    Read the first pictures among these files.

    Each that is left out has a sentence that says why. Nothing here unpacks a picture: its header says how large it is.
    """
    shown: list[Picture] = []
    notes: list[str] = []
    room, pixels, is_whole = MOST_BYTES, MOST_PIXELS_OF_ALL, True
    for file in files:
        if file.media_type not in SHOWN:
            continue
        if len(shown) == MOST:
            notes.append(f"{file.name} is not shown: a report shows {MOST} pictures.")
            continue
        if file.size > room:
            notes.append(f"{file.name} is not shown: the pictures would be too large together.")
            continue
        try:
            content = _content(file)
        except StorageIsAway:
            notes.append(f"{file.name} could not be read when this report was made.")
            is_whole = False
            continue
        size = pixels_of(content, file.media_type)
        if why := _objection(content, file, size, pixels):
            notes.append(f"{file.name} is not shown: {why}.")
            continue
        room, pixels = room - file.size, pixels - (size or 0)
        shown.append(Picture(file.name, f"{file.name} · {file.attached}", file.media_type, content))
    return Pictures(tuple(shown), tuple(notes), is_whole)


def without(pictures: Pictures, refused: Iterable[int]) -> Pictures:
    """Return the pictures without those at these places, which could not be painted."""
    places = set(refused)
    left = tuple(each for place, each in enumerate(pictures.shown) if place not in places)
    notes = (f"{pictures.shown[place].name} is not shown: it cannot be painted." for place in sorted(places))
    return Pictures(left, (*pictures.notes, *notes), pictures.is_whole)


def _content(file: File) -> bytes:
    with storage.opened(file.stored_as) as opened:
        return opened.read(file.size + 1)  # one more, so that a longer one is seen to be another


def _objection(content: bytes, file: File, pixels: int | None, left: int) -> str:
    """Return why a picture is not shown, as the end of a sentence, or nothing."""
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return "the stored file is not the one that was attached"
    if pixels is None:
        return "its size cannot be read"
    if pixels > min(MOST_PIXELS, left):
        return "it has too many pixels"
    return ""
