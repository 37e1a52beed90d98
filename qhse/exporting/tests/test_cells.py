"""What a spreadsheet would run is a text in a file."""

from __future__ import annotations

import pytest

from qhse.exporting.cells import as_text, guarded

RUN = [
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example","x")', "+1+1", "-1+1", "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)", "\t=1+1", "\r=1+1", "\n=1+1", "\ttext", " =1+1", "\u00a0=1+1", "'=1+1", "''=1+1", "＝1+1", "＋1",
    "－1", "＠x",
]  # fmt: skip
HARMLESS = ["", "1+1", "a=b", "x@example.com", "12.08 ± 0.02", "'tis", "'", " text", '"=1+1"', "–5", "Lot 4711; -5 °C"]


@pytest.mark.parametrize("text", RUN)
def test_what_would_be_run_has_an_apostrophe_in_front(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays_as_it_is(text):
    assert guarded(text) == text


def test_lists_and_objects_are_json_that_people_can_read():
    assert as_text({"status": ["OPEN", "geschloßen"]}) == '{"status": ["OPEN", "geschloßen"]}'
    assert as_text([]) == "[]"
