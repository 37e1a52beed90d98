"""How values look on admin pages: what people wrote is escaped, what is missing is a dash."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from qhse.adminsite.display import NONE, badge, days, link, moment, prose

MARKUP = "<script>alert('Hansa')</script>"


@pytest.mark.parametrize("shown", [badge(MARKUP, "bad"), link(MARKUP, MARKUP), link("/ncs/1", MARKUP), prose(MARKUP)])
def test_text_never_becomes_markup(shown):
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_time_is_shown_to_the_minute():
    assert ">2026-07-31 12:05<" in moment(datetime(2026, 7, 31, 12, 5, 59, tzinfo=UTC))


@pytest.mark.parametrize("shown", [moment(None), prose("")])
def test_what_is_missing_is_a_dash(shown):
    assert shown == NONE


@pytest.mark.parametrize(("number", "text"), [(0, "0 days"), (1, "1 day"), (-1, "-1 days"), (90, "90 days")])
def test_days_are_counted_in_words(number, text):
    assert days(number) == text
