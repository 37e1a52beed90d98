"""What auditors take in the admin, by as few clicks as they were promised."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from ncs.admin.auditing import last_quarter
from ncs.models import NonConformity
from ncs.services import close_nonconformity, open_action
from qhse import clock

pytestmark = pytest.mark.django_db
SAMPLE, DOSSIER = "/admin/ncs/nonconformity/sample/", "/admin/ncs/nonconformity/dossier/"
CASES, TRAIL = "/admin/ncs/nonconformity/", "/admin/audit/auditentry/"


@pytest.fixture(autouse=True)
def without_gate(settings):
    settings.NC_CLOSE_GATE = {"api": "record", "admin": "record"}


@pytest.fixture
def browser(users):
    def open_browser(role="auditor"):
        client = Client()
        client.force_login(users[role])
        return client

    return open_browser


@pytest.fixture
def closed(make_nc, users):
    cases = [make_nc() for _ in range(12)]
    for nc in cases:
        close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Sorted")
    seal_new_entries()
    return cases


def found(response) -> int:
    return response.context_data["cl"].result_count


class TestTheSample:
    def test_is_one_click_from_the_overview(self, browser, closed):
        page = browser().get("/admin/").content.decode()
        (url,) = re.findall(r'<a href="([^"]+)">Ten random closed cases</a>', page)

        sample = browser().get(url.replace("&amp;", "&"))

        assert len(sample.context_data["cases"]) == 10
        assert sample.context_data["sample"].population == 12

    def test_is_repeated_by_its_link(self, browser, closed):
        client, day = browser(), clock.today().isoformat()
        first = client.get(SAMPLE, {"from": day, "to": day, "n": "3"})
        (url,) = re.findall(r'<a href="(\?[^"]+)">The same sample again</a>', first.content.decode())

        again = client.get(f"{SAMPLE}{url.replace('&amp;', '&')}")

        assert again.context_data["sample"].ids == first.context_data["sample"].ids
        assert AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").count() == 1

    def test_is_not_drawn_before_it_is_asked_for(self, browser, closed):
        assert browser().get(SAMPLE).status_code == 200
        assert not AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").exists()

    @pytest.mark.parametrize("query", [{"from": "x", "to": "y"}, {"from": "2026-02-01", "to": "2026-01-01"}])
    def test_says_what_is_wrong_and_draws_nothing(self, browser, closed, query):
        page = browser().get(SAMPLE, query)

        assert page.context_data["refusal"] is not None
        assert "Nothing has been drawn." in page.content.decode()
        assert not AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").exists()


class TestTheDossier:
    def test_of_a_quarter_is_from_to_and_export_on_the_overview(self, browser, closed):
        page = browser().get("/admin/").content.decode()
        first, last = last_quarter()
        assert f'name="from" value="{first}"' in page
        assert f'name="to" value="{last}"' in page
        assert f'action="{DOSSIER}"' in page
        day = clock.today().isoformat()

        file = browser().get(DOSSIER, {"from": day, "to": day, "form": "zip"})

        assert file["Content-Type"] == "application/zip"
        assert b"".join(file.streaming_content)[:2] == b"PK"
        assert AuditEntry.objects.filter(action="DOSSIER_MADE", actor="auditor").count() == 1

    def test_of_a_case_is_read_on_a_page_that_leads_to_its_files(self, browser, closed):
        case = browser().get(f"{CASES}{closed[0].pk}/change/").content.decode()
        (url,) = re.findall(r'<a href="([^"]+)">To read and print</a>', case)

        page = browser().get(url.replace("&amp;", "&"))

        text = page.content.decode()
        assert f"<h1>Dossier {closed[0].number}</h1>" in text
        assert "form=pdf" in text
        assert "form=zip" in text
        assert "style=" not in text
        assert not AuditEntry.objects.filter(action="DOSSIER_MADE").exists()

    def test_is_not_on_the_pages_of_others(self, browser, closed):
        for role in ("quality", "procurement"):
            assert "To read and print" not in browser(role).get(f"{CASES}{closed[0].pk}/change/").content.decode()
            assert "Ten random closed cases" not in browser(role).get("/admin/").content.decode()
            assert browser(role).get(DOSSIER).status_code == 403
            assert browser(role).get(SAMPLE).status_code == 403

    @pytest.mark.parametrize(
        "query", [{"from": "x"}, {"entity_type": "user", "entity_id": "1"}, {"entity_type": "action"}]
    )
    def test_says_what_is_wrong(self, browser, db, query):
        page = browser().get(DOSSIER, query, follow=True)

        assert page.redirect_chain == [(DOSSIER, 302)]
        assert len(list(page.context["messages"])) == 1

    def test_of_no_record_is_not_found(self, browser, db):
        assert browser().get(DOSSIER, {"entity_type": "supplier", "entity_id": "4711"}).status_code == 404


class TestDays:
    def test_narrow_the_trail_both_included(self, browser, closed):
        client, day = browser(), clock.today()

        assert found(client.get(TRAIL, {"from": f"{day}", "to": f"{day}"})) == AuditEntry.objects.count()
        assert found(client.get(TRAIL, {"to": "2001-01-01"})) == 0

    def test_narrow_the_cases_by_recording_and_by_detection(self, browser, closed):
        client = browser()
        NonConformity.objects.filter(pk=closed[0].pk).update(detected_on="2026-01-31")
        day = clock.today().isoformat()

        assert found(client.get(CASES, {"status": "all", "from": day, "to": day})) == 12
        assert found(client.get(CASES, {"status": "all", "to": "2001-01-01"})) == 0
        detected = {"status": "all", "detected_from": "2026-01-31", "detected_to": "2026-01-31"}
        assert found(client.get(CASES, detected)) == 1
        assert found(client.get(CASES, detected | {"detected_to": "2026-01-30", "detected_from": ""})) == 0

    def test_keep_what_else_narrows_the_list(self, browser, closed):
        page = browser().get(CASES, {"status": "all", "q": "bore", "from": "2026-01-01"}).content.decode()

        form = page[page.index('<form class="days"') :]
        form = form[: form.index("</form>")]
        assert '<input type="hidden" name="status" value="all">' in form
        assert '<input type="hidden" name="q" value="bore">' in form
        assert 'name="from" value="2026-01-01"' in form

    @pytest.mark.parametrize("day", ["x", "2026-02-30", "20260131", "2026-W05-6", "-"])
    def test_that_are_none_are_not_understood(self, browser, closed, day):
        page = browser().get(CASES, {"from": day, "status": "CLOSED"}, follow=True)

        assert "The filter in the address was not understood" in page.content.decode()

    def test_the_last_day_there_is_can_be_asked_for(self, browser, closed):
        assert found(browser().get(TRAIL, {"to": "9999-12-31"})) == AuditEntry.objects.count()


class TestTheSearchOfTheTrail:
    @pytest.mark.parametrize("term", ["{}", "#{pk}", "NC {pk}"])
    def test_finds_all_that_happened_to_a_case_by_its_number(self, browser, make_nc, users, term):
        nc = make_nc()
        action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
        other = make_nc()

        page = browser().get(TRAIL, {"q": term.format(nc.number, pk=nc.pk)})

        shown = {(entry.entity_type, entry.entity_id) for entry in page.context_data["cl"].result_list}
        assert {("nonconformity", str(nc.pk)), ("action", str(action.pk))} <= shown
        assert ("nonconformity", str(other.pk)) not in shown

    def test_finds_a_supplier_by_its_code(self, browser, make_supplier):
        supplier = make_supplier()

        page = browser().get(TRAIL, {"q": supplier.code})

        assert {(entry.entity_type, entry.entity_id) for entry in page.context_data["cl"].result_list} == {
            ("supplier", str(supplier.pk))
        }
