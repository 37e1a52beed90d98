"""How large a picture is, by what its header says: nothing is unpacked. Pure functions of bytes."""

from __future__ import annotations

from collections.abc import Iterator

_FRAMES = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_SCAN, _END = 0xDA, 0xD9


def pixels_of(content: bytes, media_type: str) -> int | None:
    """Return how many pixels a picture has. None of what cannot be told: a damaged one, another kind."""
    read = _READERS.get(media_type)
    sizes = [] if read is None else list(read(content))
    return max((width * height for width, height in sizes), default=0) or None


def _png(content: bytes) -> Iterator[tuple[int, int]]:
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and len(content) > 24:
        yield int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def _jpeg(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the size that each frame header names, up to the first scan."""
    place = 2
    while content[:2] == b"\xff\xd8" and place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in (_SCAN, _END):
            return
        if marker == 0xFF or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            height = int.from_bytes(content[place + 5 : place + 7], "big")
            yield int.from_bytes(content[place + 7 : place + 9], "big"), height
        place += 2 + max(2, int.from_bytes(content[place + 2 : place + 4], "big"))


def _webp(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes of the canvas and of what is painted on it. Of a film, every frame counts."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return
    place = 12
    while place + 8 <= len(content):
        kind, length = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        body = content[place + 8 : place + 8 + min(length, 32)]
        yield from _webp_chunk(kind, body)
        # The frames of a film lie inside of theirs, behind 16 bytes of its own.
        place += 24 if kind == b"ANMF" else 8 + length + length % 2


def _webp_chunk(kind: bytes, body: bytes) -> Iterator[tuple[int, int]]:
    if kind == b"VP8X" and len(body) >= 10:
        yield 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    elif kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        yield 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and len(body) >= 10:
        width, height = (int.from_bytes(body[place : place + 2], "little") & 0x3FFF for place in (6, 8))
        yield width, height


_READERS = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}
SHOWN = frozenset(_READERS)
"""The kinds of picture that can be shown."""
