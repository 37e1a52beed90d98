"""Charts: named, with their numbers within reach of a keyboard, whole on a phone and on paper."""

from __future__ import annotations

import pytest

from lab.browser.look import sideways

pytestmark = pytest.mark.browser

# Letters whose box leaves the chart would be cut off there.
CUT_OFF = """
() => [...document.querySelectorAll(".chart")].flatMap((chart) => {
  const box = chart.getBoundingClientRect();
  const shown = [...chart.querySelectorAll("text")].filter((each) => getComputedStyle(each).display !== "none");
  return shown.filter((each) => {
    const { left, right } = each.getBoundingClientRect();
    return left < box.left || right > box.right;
  }).map((each) => each.textContent);
})
"""


@pytest.fixture(params=["/admin/", "/admin/figures/", "supplier"])
def page(request, visitors, running):
    page = visitors("quality").page
    record = f"/admin/suppliers/supplier/{running.records['suppliers.supplier']['usual']}/change/"
    page.goto(record if request.param == "supplier" else request.param)
    yield page
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_each_has_a_name_and_a_description(page):
    charts = page.locator("svg[role=img]")

    assert charts.count()
    for chart in charts.all():
        named = [
            page.locator(f"[id='{each}']").text_content() for each in chart.get_attribute("aria-labelledby").split()
        ]
        assert len(named) == 2 and all(named)


def test_each_names_its_parts_once_on_a_page(page):
    doubled = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('.chart [id]')].map((each) => each.id);"
        " return ids.filter((each, nth) => ids.indexOf(each) !== nth); }"
    )

    assert doubled == []


def test_the_table_behind_one_opens_by_keyboard(page):
    behind = page.locator("details.behind").first
    assert not behind.locator("table").is_visible()

    behind.locator("summary").focus()
    page.keyboard.press("Enter")

    assert behind.locator("table").is_visible()
    assert sideways(page) == []


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_each_keeps_its_letters(page, width):
    page.set_viewport_size({"width": width, "height": 900})

    assert page.evaluate(CUT_OFF) == []
    assert sideways(page) == []


def test_on_paper_the_tables_behind_are_open(page):
    page.emulate_media(media="print")

    assert all(table.is_visible() for table in page.locator("details.behind table").all())
