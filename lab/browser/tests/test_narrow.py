"""On a phone, with large text, with other spacing: everything fits, and what matters comes first."""

from __future__ import annotations

import pytest

from lab.browser.look import sideways
from lab.browser.routes import models

pytestmark = pytest.mark.browser

NARROWEST = {"width": 320, "height": 640}
LONG_NAME = "w" * 150
LONG_ADDRESS = f"{'w' * 60}@{'w' * 60}.{'w' * 60}.example"
PHONE = {"width": 390, "height": 844}
# WCAG 1.4.12: what a reader may set without losing anything.
SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }
"""


@pytest.fixture
def phone(visitors):
    page = visitors("admin").page
    page.set_viewport_size(PHONE)
    yield page
    page.set_viewport_size({"width": 1440, "height": 900})


def in_sight(page, selector):
    """Answer whether the first such element is on the first screen, without scrolling in any direction."""
    box = page.locator(selector).first.bounding_box()
    return box["y"] + box["height"] <= PHONE["height"] and box["x"] + box["width"] <= PHONE["width"]


class TestALogin:
    @pytest.mark.parametrize("width", [320, 360, 390])
    def test_fits(self, width, anybody):
        anybody.page.set_viewport_size({"width": width, "height": 600})
        anybody.page.goto("/admin/login")

        assert sideways(anybody.page) == []
        box = anybody.page.locator("#container").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


@pytest.fixture(scope="module")
def long_named(visitors, new_visitor):
    """A phone of somebody whose name, e-mail address and own names are as long as they can be, without a break."""
    page, password = visitors("admin").page, "ground-valve-seat-7"
    page.goto("/admin/accounts/user/add/")
    for field, value in {"username": LONG_NAME, "email": LONG_ADDRESS, "password": password}.items():
        page.fill(f"#id_{field}", value)
    page.select_option("#id_role", "admin")
    page.check("#id_is_staff")
    with page.expect_navigation():
        page.click("[name=_save]")
    window = new_visitor()
    window.page.set_viewport_size(NARROWEST)
    window.page.goto("/admin/login")
    window.page.fill("#id_username", LONG_NAME)
    window.page.fill("#id_password", password)
    window.submit(".submit-row input")
    page.goto(f"/admin/accounts/user/?q={LONG_NAME}")
    record = page.locator("#result_list tbody th a").get_attribute("href").split("?")[0]
    window.page.goto(record)
    for field in ("first_name", "last_name"):
        window.page.fill(f"#id_{field}", LONG_NAME)
    window.submit("[name=_save]")  # the page that says so, with the history of the record
    return window.page, record


class TestALongName:
    def test_makes_no_page_wider_than_the_window(self, long_named):
        page, record = long_named
        faults = {"after saving": sideways(page)}

        for place in ("", *(f"{model}/" for model in models()), "password_change/", "ncs/nonconformity/add/"):
            page.goto(f"/admin/{place}")
            faults[place] = sideways(page)
        page.goto(record)
        faults["its record"] = sideways(page)
        page.goto("/admin/accounts/user/add/")
        page.fill("#id_username", LONG_NAME)
        page.fill("#id_password", "ground-valve-seat-7")
        page.select_option("#id_role", "auditor")
        with page.expect_navigation():
            page.click("[name=_save]")
        faults["a refusal that names it"] = sideways(page)

        assert {place: wide for place, wide in faults.items() if wide} == {}

    @pytest.mark.parametrize("place", ["accounts/user/", "audit/auditentry/", "its record"])
    def test_makes_no_cell_wider_than_the_window(self, place, long_named):
        page, record = long_named
        page.goto(record if place == "its record" else f"/admin/{place}")

        cells = page.locator("tbody :is(td, th)").evaluate_all("all => all.map(each => each.offsetWidth)")

        assert max(cells) <= NARROWEST["width"]


class TestTheOverview:
    @pytest.mark.parametrize("width", [320, 390])
    def test_shows_what_is_due_of_each_piece_of_work_without_moving_the_table(self, width, phone):
        phone.set_viewport_size({"width": width, "height": 844})
        phone.goto("/admin/")

        cells = phone.locator("#my-work tbody td")
        ends = cells.evaluate_all("all => all.map(each => each.getBoundingClientRect().right)")
        moved = phone.locator("#my-work .results").evaluate("each => each.scrollWidth - each.clientWidth")

        assert ends and max(ends) <= width
        assert moved <= 0

    @pytest.mark.parametrize("role", ["admin", "auditor", "quality"])
    def test_has_a_head_of_two_rows_at_most_in_a_wide_window(self, role, visitors):
        page = visitors(role).page
        page.goto("/admin/")

        assert page.locator("#header").bounding_box()["height"] <= 80


class TestAList:
    @pytest.mark.parametrize("model", models())
    def test_has_its_first_row_on_the_first_screen(self, model, phone):
        phone.goto(f"/admin/{model}/")

        # Dead events come before all others: somebody has to decide about them.
        first = phone.locator("#dead tbody td, #result_list tbody :is(td, th)").first
        assert first.bounding_box()["y"] < PHONE["height"] - 40

    def test_of_ncs_shows_number_severity_and_phase_first(self, phone):
        phone.goto("/admin/ncs/nonconformity/")

        for column in ("nc_number", "severity_badge", "phase_badge"):
            assert in_sight(phone, f"#result_list tbody .field-{column}"), column

    def test_of_suppliers_shows_name_and_risk_first(self, phone):
        phone.goto("/admin/suppliers/supplier/?q=Hansa")

        for column in ("full_name", "risk"):
            assert in_sight(phone, f"#result_list tbody .field-{column}"), column

    def test_has_its_filters_folded_above_it(self, phone):
        phone.goto("/admin/ncs/nonconformity/")
        choice = phone.locator("#changelist-filter li a").first

        assert not choice.is_visible()
        phone.click(".filters > summary")
        assert choice.is_visible()
        assert choice.bounding_box()["y"] < phone.locator("#result_list").bounding_box()["y"]

    def test_has_its_filters_open_beside_it_in_a_wide_window(self, visitors):
        page = visitors("admin").page
        page.goto("/admin/ncs/nonconformity/")

        assert page.locator("#changelist-filter li a").first.is_visible()


@pytest.mark.parametrize(
    "place", ["", *(f"{model}/" for model in models()), "ncs/nonconformity/add/", "password_change/"]
)
class TestAReader:
    def test_may_set_the_spacing_of_text(self, place, phone):
        phone.goto(f"/admin/{place}")

        phone.evaluate(
            "(rules) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(rules);"
            " document.adoptedStyleSheets = [sheet]; }",
            SPACING,
        )

        assert sideways(phone) == []

    def test_may_double_the_size_of_text(self, place, visitors):
        page = visitors("admin").page
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"/admin/{place}")

        page.evaluate("document.documentElement.style.setProperty('font-size', '32px')")
        wide = sideways(page)

        page.set_viewport_size({"width": 1440, "height": 900})
        assert wide == []
