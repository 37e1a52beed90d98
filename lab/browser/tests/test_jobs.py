"""
What people of quality come for: in so many clicks from the overview. Typing and choosing are not counted.

Other people's jobs stand in the modules beside this one.
"""

from __future__ import annotations

import struct
import zlib

import pytest

pytestmark = pytest.mark.browser

# Of each job, on a desk and on a phone: the most clicks.
CASES_OF_A_SUPPLIER = 2
RECORD_WITH_PHOTO = 6
STEP = 2
ASSIGN_AN_ACTION = 3


def photo() -> bytes:
    """Return a small picture."""
    parts = (
        (b"IHDR", struct.pack(">2I5B", 64, 48, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress((b"\0" + b"\x80" * 64) * 48)),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*parts, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def choose(page, name, label):
    page.select_option(f"[name={name}]", label=label)


class TestQuality:
    def test_sees_the_cases_of_a_supplier(self, hand):
        quality = hand("quality")

        quality.click("main a[href*='/suppliers/supplier/'][href*='/change/']")
        supplier = quality.page.locator("h1").inner_text()  # a long name is cut on the overview
        quality.click("main a[href*='supplier']:has-text('non-conformities'), main a[href*='/ncs/nonconformity/?']")
        assert quality.page.locator("#result_list tbody tr").count() >= 1
        assert {
            each.strip() for each in quality.page.locator("#result_list .field-supplier_name").all_inner_texts()
        } == {supplier}
        assert quality.clicks <= CASES_OF_A_SUPPLIER

    def test_sees_what_is_overdue_and_whose(self, hand):
        quality = hand("quality")

        quality.follow("Overdue ones")
        assert "Owner" in quality.page.inner_text("#result_list thead, #changelist")
        assert quality.clicks <= 1

    def test_sees_what_waits_for_them_without_a_click(self, hand):
        quality = hand("quality")

        assert "My cases" in quality.said()
        assert quality.clicks == 0

    def test_records_a_case_with_lot_part_quantities_and_a_photo(self, hand, tmp_path):
        picture = tmp_path / "bore.png"
        picture.write_bytes(photo())
        quality = hand("quality")
        page = quality.page

        quality.follow("Report a new one")
        page.evaluate("document.querySelector('[name=supplier]').value = ''")
        number = page.evaluate(
            "fetch('/admin/autocomplete/?app_label=ncs&model_name=nonconformity&field_name=supplier&term=')"
            ".then((answer) => answer.json()).then((found) => found.results[0])"
        )
        page.evaluate(
            "({id, text}) => { const select = document.querySelector('[name=supplier]');"
            " select.add(new Option(text, id, true, true)); }",
            number,
        )
        choose(page, "severity", "High")
        typed = {"description": "Bore 12.08 mm", "lot_no": "4711", "part_no": "4711-B"}
        for name, value in (typed | {"qty_received": "200", "qty_defective": "4"}).items():
            page.fill(f"[name={name}]", value)
        quality.click("main [name=_save]")
        if "repeat" in quality.said().lower() and page.locator("[name=_save]").count() and "/add/" in page.url:
            quality.click("main [name=_save]")  # it was shown what it repeats
        quality.follow("Add a file")
        page.set_input_files("[name=file]", str(picture))
        quality.click("main [name=_save]")
        assert "bore.png" in quality.said()
        assert quality.clicks <= RECORD_WITH_PHOTO

    def _own_case(self, quality):
        """Open the newest open case: one click."""
        quality.click("main a[href*='/ncs/nonconformity/'][href*='/change/']")

    @pytest.mark.parametrize(
        ("step", "typed"),
        [("contain", {"containment": "Lot blocked"}), ("analyse", {"root_cause": "Worn tool. Why? No interval"})],
    )
    def test_contains_and_finds_the_cause(self, hand, step, typed):
        quality = hand("quality")
        self._own_case(quality)
        address = quality.page.locator(f".steps a[href*='step={step}']").first.get_attribute("href")
        quality.click(f".steps a[href='{address}']")
        before = quality.clicks
        for name, value in typed.items():
            quality.page.fill(f"[name={name}]", value)
        if step == "analyse":
            quality.page.select_option("[name=cause_code]", "machine")
        quality.click("main [name=_save]")
        assert (before, quality.clicks) == (STEP, STEP + 1)  # the last one sends the form

    def test_assigns_an_action_with_a_due_date(self, hand):
        quality = hand("quality")
        self._own_case(quality)
        quality.follow("Agree on an action")
        page = quality.page
        page.fill("[name=title]", "Set an interval for the tool change")
        page.select_option("[name=kind]", "corrective")
        page.fill("[name=due_on]", "2027-01-31")
        quality.click("main [name=_save]")
        assert "2027-01-31" in quality.said()
        assert quality.clicks <= ASSIGN_AN_ACTION

    def test_sees_what_is_missing_before_closing(self, hand, running):
        quality = hand("quality")
        quality.page.goto(f"/admin/ncs/nonconformity/{running.records['ncs.nonconformity']['long']}/change/")
        quality.click(".steps a[href*='step=close']")
        assert "cannot be closed yet. Missing:" in quality.said()
        assert quality.clicks <= 1

    def test_gets_the_8d_report(self, hand):
        quality = hand("quality")
        self._own_case(quality)
        start = quality.clicks
        quality.follow("8D report")
        assert "8D" in quality.page.inner_text("body")
        assert quality.clicks - start <= 1
