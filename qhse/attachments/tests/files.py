"""Small files of each kind that is taken, as bytes."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\x80"))
    + _chunk(b"IEND", b"")
)
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8L\x00\x00\x00\x00"
HEIC = struct.pack(">I", 24) + b"ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 16
TEXT = "Bore diameter 12.08 mm, tolerance ± 0.02 mm\n".encode()
CSV = "Teil;Maß\r\nFlansch Ø 40;12,08\r\n".encode()


def office(main: str = "xl/workbook.xml", members: dict[str, bytes] | None = None, **options) -> bytes:
    """Return an office file with these members more, or instead."""
    written = {"[Content_Types].xml": b"<Types/>", main: b"<workbook/>"} | (members or {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **({"compression": zipfile.ZIP_DEFLATED} | options)) as archive:
        for name, data in written.items():
            archive.writestr(name, data)
    return buffer.getvalue()


XLSX, DOCX = office(), office("word/document.xml")
EACH = {
    "report.pdf": (PDF, "application/pdf"),
    "REPORT.PDF": (PDF, "application/pdf"),
    "bore.png": (PNG, "image/png"),
    "bore.jpg": (JPEG, "image/jpeg"),
    "bore.jpeg": (JPEG, "image/jpeg"),
    "bore.webp": (WEBP, "image/webp"),
    "IMG_4711.HEIC": (HEIC, "image/heic"),
    "note.txt": (TEXT, "text/plain"),
    "note with a mark.txt": (b"\xef\xbb\xbf" + TEXT, "text/plain"),
    "measured.csv": (CSV, "text/csv"),
    "measured.xlsx": (XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "8d.docx": (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}


class Torn(io.BytesIO):
    """A file that opens, and cannot be read."""

    def read(self, *args) -> bytes:
        raise OSError(5, "Input/output error")
