"""What happens to a form in a real browser: keys in a picker, Back, a second click, a session that has ended."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

ADD = "/admin/ncs/nonconformity/add/"
SAVE = ".submit-row input.default"
RECOGNISED = "This form had been sent already"


def open_picker(page):
    """Open the picker of suppliers by mouse, and wait for its first results."""
    page.click(".select2-selection")
    page.wait_for_selector(".select2-results__option--highlighted")


def chosen(page):
    return page.locator(".select2-selection__rendered").inner_text().strip()


def fill_in(page, text):
    page.goto(ADD)
    open_picker(page)
    page.keyboard.press("Enter")
    page.select_option("#id_severity", "high")
    page.fill("#id_description", text)


def described(page, text):
    """Return how many NCs have this description."""
    page.goto(f"/admin/ncs/nonconformity/?status=all&q={text}")
    return page.locator("#result_list tbody tr").count()


class TestThePickerOfSuppliers:
    def test_takes_keys_as_soon_as_the_page_is_there(self, new_visitor):
        page = new_visitor("quality").page
        page.goto(ADD)

        page.wait_for_selector(".select2-selection:focus")
        page.keyboard.type("xy")

        assert page.input_value(".select2-search__field") == "xy"

    def test_never_chooses_a_result_of_an_earlier_text(self, new_visitor):
        page = new_visitor("quality").page
        page.goto(ADD)
        open_picker(page)

        page.keyboard.type("no such supplier")
        page.keyboard.press("Enter")  # before the answer can be there: the search waits 250 ms

        assert chosen(page) == ""
        page.wait_for_selector(".select2-results__message")
        page.keyboard.press("Enter")
        assert chosen(page) == ""


class TestAFormThatIsSentTwice:
    def test_by_a_double_click_is_written_once(self, new_visitor):
        page = new_visitor("quality").page
        fill_in(page, "Doubleclick")

        page.dblclick(SAVE)
        page.wait_for_url("**/change/*")

        assert described(page, "Doubleclick") == 1

    def test_by_back_and_save_lands_on_the_first_ones_page_and_says_so(self, new_visitor):
        visitor = new_visitor("quality")
        page = visitor.page
        fill_in(page, "Backandsave")
        visitor.submit(SAVE)
        landed = visitor.path()

        page.go_back()
        page.wait_for_selector(".select2-selection")
        assert chosen(page)
        visitor.submit(SAVE)

        assert (visitor.path(), RECOGNISED in page.inner_text("main")) == (landed, True)
        assert described(page, "Backandsave") == 1

    def test_by_back_with_another_text_comes_back_before_it_is_written(self, new_visitor):
        visitor = new_visitor("quality")
        page = visitor.page
        fill_in(page, "Firsttext")
        visitor.submit(SAVE)

        page.go_back()
        page.wait_for_selector(".select2-selection")
        page.fill("#id_description", "Secondtext")
        visitor.submit(SAVE)
        assert "sent already, with other content" in page.inner_text("main")
        visitor.submit(SAVE)

        assert (described(page, "Firsttext"), described(page, "Secondtext")) == (1, 1)

    def test_after_another_one_was_added_is_a_form_of_its_own(self, new_visitor):
        visitor = new_visitor("procurement")
        page = visitor.page
        page.goto("/admin/suppliers/supplier/add/")
        for name in ("Picardie Springs", "Artois Springs"):
            page.fill("#id_name", name)
            visitor.submit("[name=_addanother]")
            assert f"{name} has been recorded" in page.inner_text("main")


class TestASessionThatHasEnded:
    def test_gives_the_text_back_after_the_login_and_stores_nothing_by_itself(self, new_visitor):
        visitor = new_visitor("quality")
        page = visitor.page
        fill_in(page, "Afterlogin")
        visitor.context.clear_cookies(name="sessionid")

        visitor.submit(SAVE)
        assert "what you wrote is kept" in page.inner_text("body")
        page.fill("#id_username", "quality")
        page.fill("#id_password", "quality")
        visitor.submit(".submit-row input")

        assert page.input_value("#id_description") == "Afterlogin"
        assert chosen(page)
        address = visitor.path()
        assert described(page, "Afterlogin") == 0
        page.goto(address)
        visitor.submit(SAVE)
        assert described(page, "Afterlogin") == 1
