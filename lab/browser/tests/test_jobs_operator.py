"""What who runs it comes for: in so many clicks from the overview."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

IS_IT_STUCK = 1
MEND_IT = 3


def test_sees_whether_something_is_stuck_and_why(hand):
    operator = hand("admin")
    assert "dead events" in operator.said()

    operator.click("a.tile:has-text('dead events')")

    assert "KeyError: 'lot'" in operator.page.inner_text("#dead")
    assert "Non-conformity" in operator.page.inner_text("#dead")
    assert operator.clicks <= IS_IT_STUCK


@pytest.mark.parametrize(("button", "said"), [("_save", "has been requeued"), ("_dismiss", "has been dismissed")])
def test_mends_it(hand, button, said):
    operator = hand("admin")

    operator.click("a.tile:has-text('dead events')")
    operator.click("#dead td a[href*='/change/']")
    assert "KeyError: 'lot'" in operator.said()
    operator.page.fill("[name=reason]", "The handler is mended since")
    operator.click(f"main [name={button}]")

    assert said in operator.page.inner_text("body")
    assert operator.clicks <= MEND_IT
