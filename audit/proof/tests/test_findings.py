"""What a verification says reads well."""

from __future__ import annotations

import pytest

from audit.proof.findings import Finding, Summary, counted


@pytest.mark.parametrize(
    ("number", "what", "text"),
    [(0, "seal", "0 seals"), (1, "seal", "1 seal"), (1, "entry", "1 entry"), (2, "entry", "2 entries"),
     (12_345, "finding", "12,345 findings"), (1, "unsealed entry", "1 unsealed entry")],
)  # fmt: skip
def test_things_are_counted_in_the_singular_and_the_plural(number, what, text):
    assert counted(number, what) == text


def test_a_finding_names_its_culprit():
    assert str(Finding("entry", 4711, "cannot be read")) == "entry 4711: cannot be read"


def test_a_summary_of_an_empty_trail_has_no_head():
    summary = Summary(entries=3, seals=1)

    assert summary.sealed == "3 entries in 1 seal"
    assert summary.as_dict()["head"] is None
