"""The report in the admin: one link on the page of a case, a page to be printed, a PDF."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from ncs.report import pdf
from ncs.tests.reports import png, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def nc(make_nc):
    return make_nc(description="Bore <b>12.08</b> mm")


@pytest.fixture
def browser(users):
    def open_browser(role="quality"):
        client = Client()
        client.force_login(users[role])
        return client

    return open_browser


def address(nc, end=""):
    return f"/admin/ncs/nonconformity/{nc.pk}/report/{end}"


@pytest.mark.parametrize("role", ["quality", "procurement", "auditor", "admin"])
def test_the_page_of_a_case_leads_there_for_everybody_who_may_read_it(nc, browser, role):
    page = browser(role).get(f"/admin/ncs/nonconformity/{nc.pk}/change/").content.decode()

    assert page.count(f'<a href="{address(nc)}">8D report</a>') == 1
    assert page.count(f'<a href="{address(nc, "pdf/")}">8D report as PDF</a>') == 1


class TestThePage:
    def test_says_what_the_report_says_as_text(self, nc, browser):
        page = browser().get(address(nc)).content.decode()

        assert f"<h1>8D report {nc.number}</h1>" in page
        assert "Bore &lt;b&gt;12.08&lt;/b&gt; mm" in page
        assert [int(each) for each in re.findall(r"<h2>D(\d)", page)] == list(range(1, 9))

    def test_has_nothing_inline_and_its_pictures_in_it(self, nc, browser, users):
        put(nc, png(), users)

        answer = browser().get(address(nc))

        page = answer.content.decode()
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert not re.search(r"<style|<script|style=|\son\w+=", page)
        assert '<img src="data:image/png;base64,' in page
        assert finders.find("ncs/report.css")
        assert "/ncs/report.css" in page

    def test_leads_back_and_to_the_pdf(self, nc, browser):
        page = browser().get(address(nc)).content.decode()

        assert f'href="/admin/ncs/nonconformity/{nc.pk}/change/"' in page
        assert f'href="{address(nc, "pdf/")}"' in page

    @pytest.mark.parametrize("key", ["4711", "x", "_00", "9" * 30])
    def test_of_no_case_is_not_found(self, users, browser, key):
        for end in ("", "pdf/"):
            assert browser().get(f"/admin/ncs/nonconformity/{key}/report/{end}").status_code == 404


class TestThePdf:
    def test_is_a_file_to_be_saved(self, nc, browser):
        answer = browser().get(address(nc, "pdf/"))

        assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
        assert answer["Content-Disposition"] == f'attachment; filename="8D-{nc.number}.pdf"'
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"

    def test_says_on_the_case_when_it_cannot_be_made_now(self, nc, browser, monkeypatch, tmp_path):
        monkeypatch.setattr(pdf, "PAINTER", tmp_path / "painter.py")

        answer = browser().get(address(nc, "pdf/"), follow=True)

        assert answer.redirect_chain == [(f"/admin/ncs/nonconformity/{nc.pk}/change/", 302)]
        assert "The report could not be made now; ask again shortly." in answer.content.decode()
