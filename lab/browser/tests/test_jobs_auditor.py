"""What auditors come for: in so many clicks from the overview."""

from __future__ import annotations

import zipfile

import pytest

pytestmark = pytest.mark.browser

ALL_OF_A_CASE = 2
PROVE_THE_TRAIL = 1
DOSSIER_OF_A_QUARTER = 3
SAMPLE = 2
SECONDS = 60  # of a worker that has other work


def test_reads_all_that_happened_to_a_case_by_its_number(hand):
    auditor = hand("auditor")
    page = auditor.page
    auditor.click("nav a[href$='/ncs/nonconformity/']")

    page.fill("#searchbar", "12")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    auditor.click("#result_list a[href*='/12/change/']")

    history = page.locator("#history tbody tr")
    assert history.count() >= 1
    assert "Non-conformity recorded" in page.inner_text("#history")
    assert auditor.clicks <= ALL_OF_A_CASE


def test_proves_the_whole_trail_and_sees_how_far_it_is(hand):
    auditor = hand("auditor")

    auditor.click("button:text-is('Verify the whole trail')")

    assert auditor.page.locator("#live-progress").count() == 1
    newest = auditor.page.locator("#live-results tbody tr").first
    newest.locator(".badge-good:text-is('As it was written')").wait_for(timeout=SECONDS * 1000)
    assert auditor.clicks <= PROVE_THE_TRAIL


def test_takes_the_dossier_of_a_quarter_with_proofs(hand):
    auditor = hand("auditor")
    auditor.page.fill("#dossier-from", "2026-07-01")
    auditor.page.fill("#dossier-to", "2026-09-30")

    names = zipfile.ZipFile(auditor.take("button:text-is('Export with proofs (ZIP)')")).namelist()

    assert any(name.endswith(".pdf") for name in names), names
    assert any("verify" in name or "proof" in name for name in names), names
    assert auditor.clicks <= DOSSIER_OF_A_QUARTER


def test_reads_the_dossier_of_a_quarter(hand):
    auditor = hand("auditor")
    auditor.page.fill("#dossier-from", "2026-07-01")
    auditor.page.fill("#dossier-to", "2026-09-30")

    auditor.click("#auditing button:text-is('Read')")

    assert "2026-07-01" in auditor.page.inner_text("body")
    assert auditor.clicks <= DOSSIER_OF_A_QUARTER


def test_draws_ten_closed_cases_and_the_same_ten_again(hand):
    auditor = hand("auditor")
    drawn = "#sample tbody td:first-child"

    auditor.follow("Ten random closed cases")
    first = auditor.page.locator(drawn).all_inner_texts()
    auditor.follow("The same sample again")

    assert len(first) == 10
    assert auditor.page.locator(drawn).all_inner_texts() == first
    assert auditor.clicks <= SAMPLE
