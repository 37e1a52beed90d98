"""Time-ordered identifiers (RFC 9562, version 7); Python has them from 3.14."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """
    Return a UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Random identifiers would scatter over the index. Once history is large, they would triple the write-ahead log.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)
