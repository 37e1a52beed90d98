"""The size of a picture is known before anything is unpacked, and nothing can hide a larger one."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncs.tests.reports import jpeg_head, png, webp
from qhse.attachments.headers import SHOWN, pixels_of


def lossless(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\x00\x00"


def canvas(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("content", "media_type", "pixels"),
    [
        (png(60, 40), "image/png", 2_400),
        (jpeg_head(60, 40), "image/jpeg", 2_400),
        (jpeg_head(60, 40, before=b"\xff\xe1\x00\x06Exif"), "image/jpeg", 2_400),
        (jpeg_head(60, 40, before=b"\xff\xff\xff\xe0\x00\x04ab"), "image/jpeg", 2_400),
        (webp(lossless(60, 40)), "image/webp", 2_400),
        (webp((b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<2H", 60, 40))), "image/webp", 2_400),
        (webp(canvas(60, 40), lossless(50, 30)), "image/webp", 2_400),
        # A small canvas in front of a large painting; a film whose second frame is larger.
        (webp(canvas(1, 1), (b"ICCP", b"odd"), lossless(9_000, 9_000)), "image/webp", 81_000_000),
        (
            webp(canvas(1, 1), (b"ANMF", bytes(16) + webp(lossless(9_000, 9_000))[12:])),
            "image/webp",
            81_000_000,
        ),
    ],
)
def test_the_header_says_how_large_it_is(content, media_type, pixels):
    assert pixels_of(content, media_type) == pixels


def test_of_several_frame_headers_the_largest_counts():
    small, large = jpeg_head(1, 1)[2:15], jpeg_head(9_000, 9_000)

    assert pixels_of(b"\xff\xd8" + small + large[2:], "image/jpeg") == 81_000_000


@pytest.mark.parametrize("media_type", sorted(SHOWN))
@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"RIFF\x00\x00\x00\x00WEBP", png()[:20], png(0, 5)])
def test_of_a_damaged_one_nothing_is_known(content, media_type):
    assert pixels_of(content, media_type) is None


def test_of_another_kind_nothing_is_known():
    assert pixels_of(png(), "image/heic") is None


@given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"\xff\xd8", webp(lossless(2, 2)), png()]))
def test_no_bytes_break_it(content, start):
    for media_type in SHOWN:
        pixels_of(start + content, media_type)
