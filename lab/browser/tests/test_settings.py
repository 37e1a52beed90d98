"""What readers set in their system: colours of their own, less movement, paper."""

from __future__ import annotations

import pytest

from lab.browser.look import OF_COLOURS, faults_by_axe

pytestmark = pytest.mark.browser


class TestForcedColours:
    def test_leave_a_line_around_badges_and_under_the_chosen_section(self, new_visitor):
        page = new_visitor("admin", forced_colors="active").page
        page.goto("/admin/ncs/nonconformity/")

        badge = page.locator(".badge").first.evaluate("element => getComputedStyle(element).borderTopStyle")
        section = page.locator(".sections [aria-current]").evaluate(
            "element => getComputedStyle(element).textDecorationLine"
        )

        assert (badge, section) == ("solid", "underline")


class TestLessMovement:
    def test_means_none(self, new_visitor):
        page = new_visitor("auditor", reduced_motion="reduce").page

        moving = page.evaluate(
            "[...document.querySelectorAll('*')].filter((element) => {"
            " const style = getComputedStyle(element);"
            " return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none'; }).length"
        )

        assert moving == 0


class TestTheSwitchOfColours:
    def test_makes_a_page_dark_that_the_system_would_make_light(self, new_visitor):
        page = new_visitor("auditor", color_scheme="light").page
        grounds, faults = set(), []

        for _ in ("automatic", "dark", "light"):
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            faults += faults_by_axe(page, only=OF_COLOURS)
            page.click(".theme-toggle")

        assert len(grounds) == 2
        assert faults == []


class TestPaper:
    HIDDEN = (
        "#header",
        "#changelist-filter",
        "#toolbar",
        ".actions",
        ".submit-row",
        ".breadcrumbs",
        ".object-tools",
        ".act",
    )

    @pytest.mark.parametrize("place", ["ncs/nonconformity/", "ncs/nonconformity/{open}/change/", "audit/auditentry/"])
    def test_has_the_content_and_no_menu(self, place, visitors, running):
        page = visitors("admin").page
        page.goto(f"/admin/{place.format(**running.records['ncs.nonconformity'])}")
        page.emulate_media(media="print")

        shown = [part for part in self.HIDDEN if page.locator(part).locator("visible=true").count()]
        cut = page.evaluate(
            "[...document.querySelectorAll('.results, pre, #content')].filter((element) =>"
            " ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX)).length"
        )
        heading, table = page.locator("h1").is_visible(), page.locator("main table").first.is_visible()
        underlined = page.locator("main a").evaluate_all(
            "links => links.filter((link) => getComputedStyle(link).textDecorationLine !== 'none').length"
        )
        page.emulate_media(media="screen")

        assert (shown, cut, heading, table, underlined) == ([], 0, True, True, 0)
