"""What is left of a file's name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhse.attachments.names import MAX_NAME, extension_of, file_name
from qhse.text import is_invisible


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("report.pdf", "report.pdf"),
        ("  Report of May.PDF ", "Report of May.PDF"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\bore.png", "bore.png"),
        ("../../../.ssh/id.txt", "id.txt"),
        ("Pru\u0308fung.pdf", "Prüfung.pdf"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("a\u200bb\u2060c\ufeff.png", "abc.png"),
        ("line\r\nbreak\tand tab.txt", "line break and tab.txt"),
        ("nul\x00byte.txt", "nulbyte.txt"),
        ("half\ud800.txt", "half.txt"),
        (".htaccess.txt", "htaccess.txt"),
        ("evil.txt...", "evil.txt"),
        ("evil.txt. . ", "evil.txt"),
        ("narrow\u202fspace.png", "narrow space.png"),
        ("stem .pdf", "stem.pdf"),
        ("", ""),
        (".", ""),
        ("..", ""),
        ("a/", ""),
        ("\u200b.pdf", "pdf"),
        ("x" * 300 + ".xlsx", "x" * (MAX_NAME - 5) + ".xlsx"),
        ("x." + "y" * 300, "x." + "y" * (MAX_NAME - 2)),
    ],
)
def test_a_name_is_stored_so(given, stored):
    assert file_name(given) == stored


@given(st.text(max_size=400))
def test_whatever_comes_it_is_one_short_line_that_people_can_see(text):
    name = file_name(text)

    assert len(name) <= MAX_NAME
    assert not any(is_invisible(each) for each in name)
    assert not set("/\\\r\n\t") & set(name)
    assert unicodedata.is_normalized("NFC", name)
    assert name == name.strip(" .")
    assert file_name(name) == name


@pytest.mark.parametrize(
    ("name", "extension"), [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("a", ""), ("a." + "x" * 11, ""), ("a.", "")]
)
def test_the_extension_stands_behind_the_last_dot(name, extension):
    assert extension_of(name) == extension
