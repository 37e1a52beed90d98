"""
Small pictures of pictures, made by the worker.

A picture is unpacked in a process of its own, which ends in time. What its header calls too large is not unpacked.
"""

from __future__ import annotations

import hashlib
import io
import logging
import subprocess
import sys
import time
from pathlib import Path

from django.db import transaction

from qhse.attachments import storage
from qhse.attachments.errors import StorageIsAway
from qhse.attachments.headers import pixels_of
from qhse.attachments.models import Attachment
from qhse.database import bound_transaction, hold_turn, leave_turn
from qhse.temporary import NoTemporarySpace, temporary_directory

logger = logging.getLogger("qhse.attachments")

PAINTER = Path(__file__).with_name("preview_painter.py")
SECONDS = 4.0
"""Events wait meanwhile. A photo of 12 megapixels takes 0.6 s, the largest that is taken 2 s."""
MOST_PIXELS = 40_000_000
MOST_AT_ONCE = 16
"""Workers that paint at once: further ones find no picture that is free."""
MOST_BYTES = 33_554_432
"""They stand in the worker's memory for a moment. A photo of 40 megapixels has 20 MiB."""
MOST_REFUSED = 4
"""Pictures in a row that the storage refuses, before the job pauses: it may be away, and each one costs seconds."""
AGAIN_SECONDS = 120.0
"""After which the refused ones are asked for again."""
_TURNS = 0x50494354 << 32  # the upper half of our advisory locks; the lower one is the picture
MEDIA_TYPE = "image/png"
NONE_CAN_BE = ""
"""Stands in place of a preview's name where none can be made."""
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class _Refused:
    """Up to which picture the storage's refusals go in this process, so that they do not hold up those behind."""

    def __init__(self) -> None:
        self.behind = 0
        self.in_a_row = 0
        self.again_at = 0.0

    def add(self, picture: Attachment) -> None:
        if not self.behind:
            self.again_at = time.monotonic() + AGAIN_SECONDS
        self.behind = max(self.behind, picture.pk)
        self.in_a_row += 1

    def forget(self) -> None:
        self.behind = 0


_refused = _Refused()


def make_preview() -> bool:
    """
    Make the preview of one picture that has none. True if there may be more.

    No row is locked while it is painted. Of several workers each takes another picture: who paints one holds its turn.
    One that the storage refuses is passed over, and asked for again when the others have had their look. One that the
    storage lacks, while it has others, has none for good. The trail keeps nothing of it: a preview follows from the
    file.
    """
    for picture in _waiting():
        if hold_turn(_TURNS + picture.pk):
            try:
                return _preview(picture)
            finally:
                leave_turn(_TURNS + picture.pk)
    return False


def _waiting() -> list[Attachment]:
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        waiting = Attachment.objects.without_preview().order_by("id")
        found = list(waiting.filter(pk__gt=_refused.behind)[:MOST_AT_ONCE])
        if not found and _refused.behind and time.monotonic() >= _refused.again_at:
            _refused.forget()
            found = list(waiting[:MOST_AT_ONCE])
    return found


def _preview(picture: Attachment) -> bool:
    unseen = Attachment.objects.without_preview().filter(pk=picture.pk)
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        if not unseen.exists():
            return True  # somebody has made it since it was read
    try:
        name = _made(picture)
    except (StorageIsAway, NoTemporarySpace):
        _refused.add(picture)
        return _refused.in_a_row % MOST_REFUSED > 0
    _refused.in_a_row = 0
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        stored = unseen.update(preview_as=name)
    if not stored and name:
        storage.discard(name)  # the turn was lost with the session
    return True


def _made(picture: Attachment) -> str:
    """Store the preview. Return its name, or that none can be. Raises StorageIsAway."""
    try:
        painted = _painted(picture)
    except StorageIsAway as error:
        if storage.lacks(error) and _has_others(picture):
            return NONE_CAN_BE
        raise
    return storage.keep(io.BytesIO(painted)) if painted else NONE_CAN_BE


def _has_others(picture: Attachment) -> bool:
    """Look for the newest other file. Without it the disk may not be mounted, and then all pictures would be lost."""
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        other = Attachment.objects.exclude(pk=picture.pk).order_by("-id").first()
    return other is not None and storage.exists(other.stored_as)


def _painted(picture: Attachment) -> bytes:
    """Return the preview, nothing if there can be none. Raises StorageIsAway, NoTemporarySpace."""
    if picture.size > MOST_BYTES:
        return b""
    with storage.reading(picture.stored_as) as opened:
        content = opened.read(picture.size + 1)
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        return b""
    if not 1 <= (pixels_of(content, picture.media_type) or 0) <= MOST_PIXELS:
        return b""
    with temporary_directory("qhse-preview-") as directory:
        name = f"picture.{_ENDINGS[picture.media_type]}"
        (directory / name).write_bytes(content)
        # Without our environment, which holds keys, and with nothing in it that could change how Python starts.
        command = [sys.executable, "-I", str(PAINTER), name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, cwd=directory, env={}, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            logger.warning("no preview of the file %s: %s", picture.pk, error)
            return b""
    return done.stdout
