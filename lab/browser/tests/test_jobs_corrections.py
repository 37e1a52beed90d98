"""Everybody corrects what was recorded wrongly: with a reason, in so many clicks from the overview."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CORRECT = 3
REASON = "Typed from the wrong sheet"


def correct(hand, role, link, field, text):
    """Open what the link leads to, correct a field, and see the reason in its history."""
    person = hand(role)
    person.click(link)
    person.follow("Correct")
    page = person.page
    page.fill(f"#content [name={field}]", f"{text} {page.viewport_size['width']}")
    page.fill("#content [name=reason]", REASON)

    person.click("main [name=_save]")

    assert "has been corrected" in page.inner_text("body")
    assert REASON in page.inner_text("#history")
    assert person.clicks <= CORRECT


def test_a_buyer_corrects_a_supplier(hand):
    correct(hand, "procurement", "#worst-suppliers tbody a", "external_ref", "REF")


def test_quality_corrects_a_case(hand):
    correct(hand, "quality", "main a[href*='/ncs/nonconformity/'][href*='/change/']", "lot_no", "LOT")


def test_a_buyer_corrects_a_certificate(hand):
    link = "#certificates-to-renew a[href*='/certificate/'][href*='/change/']:has-text('QM-SUBMITTED')"
    correct(hand, "procurement", link, "issuer", "Bureau")
