"""`GET /ncs/{id}/8d`: a PDF, or a page, by what the caller accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from audit.proof.sealing import seal_new_entries
from ncs.api.report_views import chosen_form
from ncs.errors import FormIsNotOffered
from ncs.report import pdf
from ncs.services import contain_nonconformity
from ncs.tests.reports import png, put

PDF, HTML = "application/pdf", "text/html"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", PDF),
        ("*/*", PDF),
        ("application/pdf", PDF),
        ("APPLICATION/PDF ; q=0.3", PDF),
        ("text/html", HTML),
        ("text/*", HTML),
        ("application/*", PDF),
        ("text/html, application/pdf", PDF),
        ("text/html, application/pdf;q=0.9", HTML),
        ("text/html;q=0.2, */*;q=0.1", HTML),
        ("application/pdf;q=0, */*", HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", HTML),
    ],
)
def test_the_form_that_is_liked_best_is_chosen(accept, form):
    assert chosen_form(accept) == form


@pytest.mark.parametrize(
    "accept",
    ["application/json", "image/*", "*/*;q=0", "text/html;q=0", "text/html;q=nan", "text/html;q=-1", ",", ";;q="],
)
def test_no_other_form_is_made(accept):
    with pytest.raises(FormIsNotOffered):
        chosen_form(accept)


@pytest.fixture
def nc(make_nc):
    return make_nc(description="Bore <script>alert(1)</script> 12.08 mm")


@pytest.mark.django_db
class TestTheReport:
    def ask(self, api, nc, accept=None, **headers):
        given = {"accept": accept} if accept is not None else {}
        return api("auditor").get(f"/ncs/{nc.pk}/8d", headers=given | headers)

    def test_is_a_pdf_to_be_saved_in_which_nothing_runs(self, api, nc):
        answer = self.ask(api, nc)

        assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, PDF, b"%PDF-")
        assert answer["Content-Disposition"] == f'attachment; filename="8D-{nc.number}.pdf"'
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert (answer["X-Content-Type-Options"], answer["Vary"]) == ("nosniff", "Accept")

    def test_is_one_file_as_a_page_with_its_pictures_and_its_style(self, api, nc, users):
        put(nc, png(), users)

        answer = self.ask(api, nc, "text/html")

        page = answer.content.decode()
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer["Content-Disposition"] == f'attachment; filename="8D-{nc.number}.html"'
        assert re.fullmatch(
            r"sandbox; default-src 'none'; img-src data:; style-src 'sha256-[\w+/]{43}='",
            answer["Content-Security-Policy"],
        )
        assert re.findall(r'(?:src|href)="(.{10})', page) == ["data:image"]
        assert "<style>" in page
        assert "Bore &lt;script&gt;alert(1)&lt;/script&gt; 12.08 mm" in page
        assert "<script" not in page

    def test_is_refused_in_another_form(self, api, nc, problem_of):
        assert problem_of(self.ask(api, nc, "application/json"), 406)["code"] == "not_acceptable"

    def test_of_a_case_that_is_not_there_is_404(self, api, problem_of, users):
        assert problem_of(api("auditor").get("/ncs/4711/8d"), 404)["code"] == "nonconformity_not_found"

    def test_takes_no_parameters(self, api, nc, problem_of):
        problem_of(api("auditor").get(f"/ncs/{nc.pk}/8d?format=pdf"), 400)

    def test_is_not_sent_again_while_it_says_the_same(self, api, nc, users):
        first = self.ask(api, nc)
        same = self.ask(api, nc, **{"If-None-Match": first["ETag"]})
        as_page = self.ask(api, nc, "text/html", **{"If-None-Match": first["ETag"]})
        contain_nonconformity(nc_id=nc.pk, containment="Lot blocked", actor=users["quality"])
        changed = self.ask(api, nc, **{"If-None-Match": first["ETag"]})
        seal_new_entries()
        sealed = self.ask(api, nc, **{"If-None-Match": changed["ETag"]})

        assert (same.status_code, same.content, same["ETag"]) == (304, b"", first["ETag"])
        assert [each.status_code for each in (as_page, changed, sealed)] == [200, 200, 200]
        assert len({first["ETag"], as_page["ETag"], changed["ETag"], sealed["ETag"]}) == 4

    def test_has_no_etag_while_a_picture_cannot_be_read(self, api, nc, users):
        attachment = put(nc, png(), users)
        (Path(settings.ATTACHMENTS_DIR) / attachment.stored_as).unlink()

        answer = self.ask(api, nc, "text/html")

        assert "could not be read when this report was made" in answer.content.decode()
        assert "ETag" not in answer

    def test_says_when_it_cannot_be_made_now(self, api, nc, problem_of, monkeypatch):
        monkeypatch.setattr(pdf, "PAINTER", Path("/nowhere/painter.py"))

        answer = self.ask(api, nc)

        assert problem_of(answer, 503)["code"] == "report_unavailable"
        assert answer["Retry-After"] == "5"

    def test_writes_nothing(self, api, nc, row_counts):
        before = row_counts()

        self.ask(api, nc)
        self.ask(api, nc, "text/html")

        assert row_counts() == before
