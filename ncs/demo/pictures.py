"""Pictures for demo cases, drawn by code: a turned part with a bore, and what is wrong with it."""

from __future__ import annotations

import math
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
        row = _row(abs(y - _CENTRE_Y), bore)
        for x in range(start + 131, start + 220):
            if abs(y - 95 - slope * (x - 200)) < 2.2 and (x - _CENTRE_X) ** 2 + (y - _CENTRE_Y) ** 2 < _RADIUS**2:
                row[3 * x : 3 * x + 3] = bytes(_FAULT)
        rows += b"\0" + row
    header = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _row(away: int, bore: int) -> bytearray:
    """Return one row so far from the centre: discs painted over each other, the largest first."""
    row = bytearray(bytes(_BENCH) * WIDTH)
    for radius, colour in ((_RADIUS, _EDGE), (_RADIUS - 5, _STEEL), (bore + 4, _EDGE), (bore, _HOLE)):
        if away < radius:
            half = math.isqrt(radius**2 - away**2 - 1)
            first, last = _CENTRE_X - half, _CENTRE_X + half + 1
            row[3 * first : 3 * last] = bytes(colour) * (last - first)
    return row


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
