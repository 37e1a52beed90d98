"""Pictures for demo cases, drawn by code: a turned part with a bore, and what is wrong with it."""

from __future__ import annotations

import random
import struct
import zlib

WIDTH, HEIGHT = 480, 360
_BENCH, _STEEL, _EDGE, _HOLE, _FAULT = (206, 202, 192), (142, 148, 156), (96, 102, 110), (38, 40, 44), (176, 52, 40)
_CENTRE_X, _CENTRE_Y, _RADIUS = 240, 180, 140


def drawn(rng: random.Random) -> bytes:
    """Return a PNG. The same numbers draw the same picture."""
    bore = rng.randint(38, 62)
    start, slope = rng.randint(70, 110), rng.uniform(-0.5, 0.5)
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(WIDTH):
            away = (x - _CENTRE_X) ** 2 + (y - _CENTRE_Y) ** 2
            scratch = start < x - 130 < start + 90 and abs(y - 95 - slope * (x - 200)) < 2.2
            rows += bytes(_FAULT if scratch and away < _RADIUS**2 else _colour(away, bore))
    header = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _colour(away: int, bore: int) -> tuple[int, int, int]:
    """Return the colour so far from the centre, as a square."""
    if away < bore**2:
        return _HOLE
    if away < (bore + 4) ** 2 or (_RADIUS - 5) ** 2 < away < _RADIUS**2:
        return _EDGE
    return _STEEL if away < _RADIUS**2 else _BENCH


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
