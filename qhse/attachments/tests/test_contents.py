"""What is taken for which kind of file, and what for none: hostile ones too."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from contextlib import suppress

import pytest

from qhse.attachments import office
from qhse.attachments.contents import KINDS, digest_of, examined
from qhse.attachments.errors import FileIsEmpty, FileIsRefused, FileIsTooLarge
from qhse.attachments.tests.files import CSV, DOCX, EACH, HEIC, JPEG, PDF, PNG, TEXT, WEBP, XLSX
from qhse.attachments.tests.files import office as office_file


def says(content: bytes, name: str) -> str:
    return examined(io.BytesIO(content), name).media_type


@pytest.mark.parametrize("name", EACH)
def test_each_kind_is_known_by_its_content(name):
    content, media_type = EACH[name]

    assert examined(io.BytesIO(content), name) == (len(content), hashlib.sha256(content).hexdigest(), media_type)


def test_the_table_has_every_kind():
    assert {media_type for _, media_type in EACH.values()} == {kind.media_type for kind in KINDS.values()}


@pytest.mark.parametrize("extension", KINDS)
@pytest.mark.parametrize("content", [PDF, PNG, JPEG, WEBP, HEIC, XLSX, DOCX], ids=lambda content: repr(content[:8]))
def test_no_binary_content_passes_for_another_kind(extension, content):
    try:
        media_type = says(content, f"x.{extension}")
    except FileIsRefused:
        return
    assert media_type == dict(EACH.values())[content]


HOSTILE = {
    "a page as a picture": ("a.png", b"<html><script>alert(1)</script>"),
    "a page behind a picture's sign": ("a.png", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>"),
    "an SVG": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "an SVG as a picture": ("a.webp", b"<svg/>"),
    "a program": ("a.exe", b"MZ\x90\x00"),
    "a program as a text": ("a.txt", b"MZ\x90\x00\x03"),
    "a script": ("a.js", b"alert(1)"),
    "a page": ("a.html", b"<p>"),
    "no extension": ("pdf", PDF),
    "two extensions": ("a.pdf.exe", PDF),
    "a picture with an archive behind it": ("a.png", PNG + XLSX),
    "an archive with a page in front": ("a.xlsx", b"<script></script>" + XLSX),
    "an archive behind the beginning of another": ("a.xlsx", b"PK\x03\x04<script></script>" + XLSX),
    "an archive with a page behind": ("a.xlsx", XLSX + b"<script></script>"),
    "a page with a PDF in it": ("a.pdf", b"<html>" + PDF),
    "a PDF with an archive behind it": ("a.pdf", PDF + b"x" * 2_000 + XLSX),
    "a WebP with something behind it": ("a.webp", WEBP + b"<script>"),
    "a PDF as a text": ("a.txt", PDF),
    "a cut PDF": ("a.pdf", PDF[:-8]),
    "a cut picture": ("a.png", PNG[:-1]),
    "a cut WebP": ("a.webp", WEBP[:-1]),
    "a cut archive": ("a.xlsx", XLSX[:-1]),
    "an end of an archive alone": ("a.xlsx", b"PK\x03\x04" + XLSX[-22:]),
    "four bytes": ("a.xlsx", b"PK\x03\x04"),
    "another film": ("a.heic", struct.pack(">I", 16) + b"ftypmp42\x00\x00\x00\x00" + b"\x00" * 16),
    "Latin-1": ("a.csv", "Maß".encode("latin-1")),
    "UTF-16": ("a.txt", "text".encode("utf-16")),
    "a NUL": ("a.txt", b"text\x00"),
    "a NUL far behind": ("a.txt", b"x" * 200_000 + b"\x00"),
    "an escape sequence": ("a.txt", b"\x1b]0;owned\x07"),
    "half a character at the end": ("a.txt", "ß".encode()[:1]),
    "a sheet as a document": ("a.docx", XLSX),
    "an archive of anything": ("a.xlsx", office_file("anything.txt")),
    "macros": ("a.xlsx", office_file(members={"xl/vbaProject.bin": b"x"})),
    "macros in capitals": ("a.xlsx", office_file(members={"XL/VBAPROJECT.BIN": b"x"})),
    "an unusual packing": ("a.xlsx", office_file(compression=zipfile.ZIP_BZIP2)),
    "an old archive of Office": ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_none_of_these_is_refused(case):
    name, content = HOSTILE[case]

    with pytest.raises(FileIsRefused) as refusal:
        says(content, name)
    assert refusal.value.status == 415


def test_a_character_that_lies_across_two_pieces_is_text():
    assert says(b"x" * 65_535 + "ßß".encode(), "a.txt") == "text/plain"


def test_an_empty_file_is_refused():
    with pytest.raises(FileIsEmpty):
        says(b"", "a.txt")


def test_a_file_at_the_bound_is_taken_and_one_above_it_is_not(settings):
    settings.ATTACHMENT_MAX_BYTES = len(TEXT)
    assert says(TEXT, "a.txt") == "text/plain"

    with pytest.raises(FileIsTooLarge):
        says(TEXT + b"x", "a.txt")


def test_no_more_than_the_bound_is_read(settings):
    settings.ATTACHMENT_MAX_BYTES = 1_024

    class Endless(io.RawIOBase):
        pieces = 0

        def seek(self, *args):
            return 0

        def read(self, size=-1):
            self.pieces += 1
            return b"x" * size

    endless = Endless()
    with pytest.raises(FileIsTooLarge):
        examined(endless, "a.txt")
    assert endless.pieces == 1


def test_a_digest_is_that_of_the_whole_content():
    assert digest_of(io.BytesIO(CSV)) == (len(CSV), hashlib.sha256(CSV).hexdigest())


class TestArchives:
    def test_a_bomb_is_refused_before_it_is_unpacked(self, monkeypatch):
        bomb = office_file(members={"xl/worksheets/sheet1.xml": b"\x00" * (office.MAX_UNPACKED + 1)})
        monkeypatch.setattr(zipfile.ZipFile, "open", None)
        assert len(bomb) < 200_000

        with pytest.raises(FileIsRefused, match="unpacks to more than"):
            says(bomb, "a.xlsx")

    def test_a_bomb_that_lies_about_its_size_is_damaged(self):
        size = 50_000_000
        bomb = bytearray(office_file(members={"xl/worksheets/sheet1.xml": b"\x00" * size}))
        for place in range(len(bomb) - 4):
            if bomb[place : place + 4] == struct.pack("<I", size):
                bomb[place : place + 4] = struct.pack("<I", 100)

        with pytest.raises(FileIsRefused, match="damaged"):
            says(bytes(bomb), "a.xlsx")

    def test_an_encrypted_member_is_refused(self):
        locked = bytearray(XLSX)
        place = locked.index(b"PK\x01\x02")
        locked[place + 8] |= 1

        with pytest.raises(FileIsRefused, match="encrypted"):
            says(bytes(locked), "a.xlsx")

    def test_repeated_members_are_refused(self):
        buffer = io.BytesIO(XLSX)
        with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("xl/workbook.xml", b"<other/>")

        with pytest.raises(FileIsRefused, match="repeated"):
            says(buffer.getvalue(), "a.xlsx")

    def test_very_many_members_are_refused_before_they_are_listed(self, monkeypatch):
        many = office_file(members={f"m{number}": b"" for number in range(office.MAX_MEMBERS)})
        monkeypatch.setattr(zipfile, "ZipFile", None)

        with pytest.raises(FileIsRefused, match="too many members"):
            says(many, "a.xlsx")

    @pytest.mark.parametrize("place", range(0, len(XLSX), 7))
    def test_a_turned_byte_makes_no_defect_of_ours(self, place):
        turned = bytearray(XLSX)
        turned[place] ^= 0xFF

        with suppress(FileIsRefused):
            says(bytes(turned), "a.xlsx")
