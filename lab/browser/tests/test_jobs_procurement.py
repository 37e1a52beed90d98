"""What buyers come for: in so many clicks from the overview."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from xlsxwriter import Workbook

from dev.waiting import wait_until

pytestmark = pytest.mark.browser

ENDING_SOON = 1
RENEW_WITH_PDF = 4
WHY_SO_RISKY = 2
WHO_IS_WORST = 2
IMPORT = 4
EXPORT = 1
SECONDS = 60  # of a worker that has other work
SUPPLIERS = 200
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def test_sees_the_certificates_that_end_within_60_days(hand):
    buyer = hand("procurement")
    today = datetime.now(UTC).date()

    buyer.follow("Certificates ending within 60 days")

    ends = [date.fromisoformat(text[:10]) for text in buyer.page.locator("#result_list .field-ends").all_inner_texts()]
    assert ends and all(today <= day <= today + timedelta(days=60) for day in ends)
    assert ends == sorted(ends)
    assert buyer.clicks <= ENDING_SOON


def test_hands_in_a_renewed_certificate_with_its_pdf(hand, tmp_path):
    document = tmp_path / "iso-9001.pdf"
    document.write_bytes(PDF)
    buyer, today = hand("procurement"), datetime.now(UTC).date()

    buyer.click("#certificates-to-renew tr:has-text('ISO 9001'):has-text('QM-VERIFIED') a[href*='renews=']")
    page = buyer.page
    assert page.locator("[name=standard]").input_value() == "iso_9001"
    page.fill("[name=number]", f"QM-{page.viewport_size['width']}")
    page.fill("[name=valid_from]", today.isoformat())
    page.fill("[name=valid_to]", (today + timedelta(days=1_000)).isoformat())
    page.set_input_files("[name=file]", str(document))
    buyer.click("main [name=_save]")

    assert "iso-9001.pdf" in buyer.said()
    assert buyer.clicks <= RENEW_WITH_PDF


def test_sees_why_a_supplier_is_so_risky(hand):
    buyer = hand("procurement")

    buyer.click("#worst-suppliers tbody a")

    points = [int(text) for text in buyer.page.locator("#risk tbody td:last-child").all_inner_texts()]
    assert points and sum(points) >= 50
    assert "Score, of 100" in buyer.page.inner_text("#risk")
    assert buyer.clicks <= WHY_SO_RISKY


def test_sees_who_is_worst_in_an_order(hand):
    buyer = hand("procurement")

    buyer.follow("All suppliers, worst first")

    said = buyer.page.locator("#result_list .field-risk").all_inner_texts()
    scores = [int(re.search(r"\d+", text)[0]) for text in said if re.search(r"\d", text)]
    assert len(scores) >= 10 and scores == sorted(scores, reverse=True) and len(set(scores)) > 3
    assert buyer.clicks <= WHO_IS_WORST


def table_of_suppliers(form, name):
    """Return a table of many suppliers as a file of this form. One row has a country that is none."""
    rows = [("Name", "Country"), *((f"{name} {number:03}", "DE") for number in range(SUPPLIERS - 1))]
    rows.append((f"{name} and more", "Nowhere"))
    if form == "csv":
        return "\n".join(";".join(row) for row in rows).encode()
    file = io.BytesIO()
    with Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def test_imports_200_suppliers_from_a_table(hand, tmp_path):
    buyer = hand("procurement")
    page = buyer.page
    form = "csv" if page.viewport_size["width"] > 1_000 else "xlsx"
    file = tmp_path / f"suppliers.{form}"
    file.write_bytes(table_of_suppliers(form, f"Import {form}"))

    buyer.click("nav a[href$='/exchange/importjob/']")
    buyer.click("a.addlink")
    page.select_option("[name=kind]", "suppliers")
    page.check("[name=mode][value=good_rows]")
    page.set_input_files("[name=file]", str(file))
    buyer.click("main [name=_save]")

    assert f"{SUPPLIERS - 1} new" in buyer.said() and "1 with errors" in buyer.said()
    assert page.locator("#problems tbody tr td").first.inner_text() == str(SUPPLIERS + 1)  # the row of the file
    buyer.click("main [name=_save]")

    def is_done():
        page.reload()
        return f"{SUPPLIERS - 1} new, 0 changed" in buyer.said() and "Done" in buyer.said()

    wait_until(is_done, seconds=SECONDS, what="the worker to import them")
    assert buyer.clicks <= IMPORT


def test_exports_the_list_as_it_is_filtered(hand):
    buyer = hand("procurement")
    buyer.page.goto("/admin/suppliers/supplier/?at_risk=yes")
    listed = buyer.page.locator("#result_list tbody th").all_inner_texts()

    content = buyer.take("a:text-is('Export CSV')").read_text(encoding="utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(content), dialect=csv.Sniffer().sniff(content.partition("\n")[0])))
    assert listed and [row["name"] for row in rows] == listed
    assert buyer.clicks <= EXPORT
