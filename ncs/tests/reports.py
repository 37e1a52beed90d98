"""A case with all its steps, and pictures of any size, for the tests of reports."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from ncs.models import NonConformity
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    close_nonconformity,
    complete_action,
    concede_nonconformity,
    contain_nonconformity,
    dispose_nonconformity,
    open_action,
    start_action,
    verify_action,
)
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach


def worked_on(nc: NonConformity, users: Any, *, close: bool = True) -> NonConformity:
    """Take a case of quality's from D1 to D8."""
    quality, admin = users["quality"], users["admin"]
    assign_nonconformity(nc_id=nc.pk, owner_id=quality.pk, actor=quality)
    contain_nonconformity(nc_id=nc.pk, containment="Lot 4711 blocked", actor=quality)
    analyse_nonconformity(
        nc_id=nc.pk, cause_code="machine", root_cause="Worn reamer.\nWhy? No interval.", actor=quality
    )
    dispose_nonconformity(
        nc_id=nc.pk, disposition="use_as_is", disposition_qty=40, reason="Fits the shaft", actor=quality
    )
    concede_nonconformity(nc_id=nc.pk, reason="Function is not affected", actor=admin)
    for kind, title in (
        ("containment", "Sort the stock"),
        ("corrective", "Set an interval"),
        ("preventive", "All tools"),
    ):
        action = open_action(nc_id=nc.pk, kind=kind, title=title, contact="Anna Weiss", actor=quality)
        start_action(action_id=action.pk, actor=quality)
        complete_action(action_id=action.pk, note=f"{title}: done", actor=quality)
        verify_action(action_id=action.pk, effective=True, note="Three lots without a finding", actor=admin)
    if close:
        close_nonconformity(nc_id=nc.pk, reason="Report accepted", actor=quality)
    return NonConformity.objects.get(pk=nc.pk)


def put(nc: NonConformity, content: bytes, users: Any, *, name: str = "bore.png", description: str = "") -> Attachment:
    given = {"entity_type": "nonconformity", "entity_id": str(nc.pk), "description": description}
    return attach(**given, name=name, content=io.BytesIO(content), actor=users["quality"])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 60, height: int = 40, *, data: bytes | None = None) -> bytes:
    """Return a grey picture. With `data` its header says the size, and its content is that."""
    rows = zlib.compress((b"\x00" + b"\x80" * width) * height) if data is None else data
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def jpeg_head(width: int, height: int, *, before: bytes = b"") -> bytes:
    """Return the beginning of a JPEG, up to its scan."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + before + b"\xff\xc0" + frame + b"\xff\xda\x00\x02\xff\xd9"


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
