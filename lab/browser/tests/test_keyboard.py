"""Without a mouse: each page's stops, and a day's work from login to logout."""

from __future__ import annotations

import pytest

from dev.waiting import wait_until
from lab.browser.routes import models

pytestmark = pytest.mark.browser

FOCUS = """
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  // A part of it is enough: a wide one may end outside of a region that scrolls.
  const height = box.top + Math.min(box.height / 2, 10);
  const points = [0.02, 0.5, 0.98].map((share) => [box.left + box.width * share, height]);
  const over = points.map(([x, y]) => document.elementFromPoint(x, y)).filter(Boolean);
  return {
    what: `${element.tagName}#${element.id}.${element.className} ${element.textContent.trim().slice(0, 30)}`,
    visible: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
    inWindow: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    box: [box.left, box.top, box.width, box.height].map(Math.round).join(" "),
    covered: !over.some((each) => element.contains(each)),
  };
}
"""
MOST_STOPS = 60


def stops(page):
    """Press Tab until the focus is where it was. Yield what had it."""
    first = None
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None or stop == first:
            return
        first = first or stop
        yield stop


def tab_to(page, selector):
    """Press Tab until an element that fits the selector has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def press_and_arrive(page, key):
    with page.expect_navigation():
        page.keyboard.press(key)


PAGES = ("login", "", *(f"{model}/" for model in models()), "ncs/nonconformity/add/", "accounts/user/add/")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("place", PAGES)
def test_each_stop_shows_the_focus_and_is_in_sight(place, width, visitors, anybody):
    page = (anybody if place == "login" else visitors("admin")).page
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"/admin/{place}")
    if place.endswith("add/"):  # its script moves the focus into the form, and would do it between two stops
        page.wait_for_function("document.activeElement !== document.body")

    seen = list(stops(page))

    page.set_viewport_size({"width": 1440, "height": 900})
    assert len(seen) >= 2
    unseen = [stop for stop in seen if not (stop["visible"] and stop["inWindow"] and not stop["covered"])]
    assert unseen == []


def test_the_first_stop_leads_past_the_menu(visitors):
    page = visitors("admin").page
    page.goto("/admin/suppliers/supplier/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_wide_table_is_scrolled_by_arrow_keys(visitors):
    page = visitors("admin").page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/ncs/nonconformity/")

    tab_to(page, ".results")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    results = page.locator(".results")
    wait_until(lambda: results.evaluate("region => region.scrollLeft") > 0, seconds=15, what="the table to scroll")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_an_nc_is_opened_decided_on_and_closed_without_a_mouse(new_visitor):
    page = new_visitor().page
    page.goto("/admin/login")
    page.keyboard.type("quality")  # the field has the focus
    tab_to(page, "#id_password")
    page.keyboard.type("quality")
    press_and_arrive(page, "Enter")

    tab_to(page, "nav.sections a[href$='/ncs/nonconformity/']")
    press_and_arrive(page, "Enter")
    tab_to(page, "a.addlink")
    press_and_arrive(page, "Enter")

    # The supplier: opened, searched by typing, chosen.
    page.wait_for_selector(".select2-selection[aria-labelledby*=label]")
    if not page.evaluate("document.activeElement.matches('.select2-selection')"):
        tab_to(page, ".select2-selection")
    page.keyboard.press("Enter")
    page.wait_for_selector(".select2-search__field:focus")
    page.keyboard.type("a")
    page.wait_for_selector(".select2-results__option--highlighted")
    wanted = page.locator(".select2-results__option--highlighted").inner_text()
    page.keyboard.press("Enter")
    assert page.locator(".select2-selection__rendered").inner_text() == wanted

    tab_to(page, "#id_severity")
    page.keyboard.press("l")  # Low
    tab_to(page, "#id_description")
    page.keyboard.type("Lot 4711: bore 12.08 mm, drawing says 12.00 mm")
    tab_to(page, ".submit-row input.default")
    press_and_arrive(page, "Enter")
    assert "has been recorded" in page.get_by_role("status").inner_text()

    tab_to(page, "#id_disposition")  # what closing asks for comes first
    page.keyboard.press("s")  # Sort
    tab_to(page, "#id_reason")
    page.keyboard.type("Good parts are needed")
    tab_to(page, ".submit-row input.default")
    press_and_arrive(page, "Enter")
    assert "has been decided on" in page.get_by_role("status").inner_text()

    tab_to(page, "#id_reason")
    page.keyboard.type("Lot sorted, 8D report accepted")
    tab_to(page, ".submit-row input.default")
    press_and_arrive(page, "Enter")
    assert "has been closed" in page.get_by_role("status").inner_text()

    tab_to(page, "#logout-form button")
    press_and_arrive(page, "Enter")
    assert page.locator("h1").inner_text() == "You are logged out"


class TestTheChoiceOfASupplier:
    def test_has_the_name_of_its_label_and_so_has_its_search(self, visitors):
        page = visitors("quality").page
        page.goto("/admin/ncs/nonconformity/add/")

        page.wait_for_selector(".select2-selection")
        box = page.get_by_role("combobox", name="Supplier")
        assert box.evaluate_all("found => found.filter((each) => each.matches('.select2-selection')).length") == 1
        box.and_(page.locator(".select2-selection")).press("Enter")

        assert page.get_by_role("searchbox", name="Search: Supplier").count() == 1
        assert page.get_by_role("listbox", name="Supplier").count() == 1
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('.select2-selection')")

    def test_that_is_missing_is_reached_from_the_summary_of_errors(self, visitors):
        visitor = visitors("quality")
        visitor.page.goto("/admin/ncs/nonconformity/add/")
        visitor.submit(".submit-row input.default")

        visitor.page.wait_for_selector(".errornote:focus")
        visitor.page.keyboard.press("Tab")  # from the summary to its first link
        visitor.page.keyboard.press("Enter")

        visitor.page.wait_for_selector(".select2-selection[aria-invalid=true]:focus")
