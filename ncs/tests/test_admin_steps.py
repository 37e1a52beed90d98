"""The page of a case: what closing asks for comes first, and an old form takes no other step than its own."""

from __future__ import annotations

import re

import pytest

from ncs.models import NonConformity
from ncs.services import close_nonconformity, contain_nonconformity, dispose_nonconformity

pytestmark = pytest.mark.django_db


@pytest.fixture
def page_of(client, users):
    def get(nc, role="quality", step=""):
        client.force_login(users[role])
        return client.get(f"/admin/ncs/nonconformity/{nc.pk}/change/", {"step": step} if step else {}).content.decode()

    return get


def button_of(page):
    return re.findall(r'<input type="submit" value="([^"]+)"', page)


class TestTheFirstStep:
    def test_is_the_first_piece_of_evidence_that_is_missing_and_then_closing(self, users, make_nc, page_of):
        nc = make_nc(severity="high")

        assert button_of(page_of(nc)) == ["Contain"]
        contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=users["quality"])
        assert button_of(page_of(nc)) == ["Decide"]
        dispose_nonconformity(nc_id=nc.pk, disposition="scrap", reason="Cracked", actor=users["quality"])
        assert button_of(page_of(nc)) == ["Find the cause"]

    def test_is_closing_where_nothing_is_asked_for(self, make_nc, page_of, settings):
        settings.NC_CLOSE_GATE = {"admin": "record"}

        assert button_of(page_of(make_nc(severity="high"))) == ["Close non-conformity"]

    def test_is_none_of_a_closed_case_until_it_is_asked_for(self, users, make_nc, page_of):
        nc = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])

        assert button_of(page_of(nc)) == []
        assert button_of(page_of(nc, step="reopen")) == ["Reopen"]


class TestAFormThatNamesNoStep:
    @pytest.fixture
    def send(self, client, users, settings):
        """Send a form to the address of a case whose first step is closing."""
        settings.NC_CLOSE_GATE = {"admin": "record"}

        def call(nc, query="", **typed):
            client.force_login(users["quality"])
            return client.post(f"/admin/ncs/nonconformity/{nc.pk}/change/{query}", typed, follow=True)

        return call

    @pytest.mark.parametrize(
        "typed",
        [
            {"containment": "Lot blocked"},
            {"disposition": "scrap", "reason": "Cracked"},
            {"cause_code": "machine", "root_cause": "Worn"},
            {"description": "Mistyped", "severity": "low", "reason": "Mistyped"},
        ],
    )
    def test_takes_none_if_it_has_fields_of_another_one(self, make_nc, send, typed, row_counts):
        nc = make_nc()
        before = row_counts()

        page = send(nc, **typed).content.decode()

        nc.refresh_from_db()
        assert (nc.status, nc.version, row_counts()) == ("OPEN", 1, before)
        assert "has come to another step than this form is for" in page

    def test_is_one_for_what_its_page_shows(self, make_nc, send):
        nc = make_nc()

        send(nc, reason="Lot sorted")

        nc.refresh_from_db()
        assert (nc.status, nc.closure_reason) == ("CLOSED", "Lot sorted")

    def test_that_names_its_step_takes_that(self, make_nc, send):
        nc = make_nc()

        send(nc, "?step=contain", containment="Lot blocked")

        nc.refresh_from_db()
        assert (nc.status, nc.containment) == ("OPEN", "Lot blocked")


class TestClosing:
    def test_lists_what_is_missing(self, make_nc, page_of):
        page = page_of(make_nc(severity="medium"), step="close")

        assert re.findall("<li>([^<]+)</li>", page.partition("It cannot be closed yet")[2])[:2] == [
            "disposition", "root cause",
        ]  # fmt: skip

    def test_is_refused_with_it_and_overridden_by_administrators_alone(self, client, users, make_nc):
        nc = make_nc(severity="low")
        address = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=close"
        for role, status in (("quality", 200), ("admin", 302)):
            client.force_login(users[role])
            answer = client.post(address, {"reason": "Hurry", "override": "on"})
            assert answer.status_code == status

        assert NonConformity.objects.get().closure_gaps == ["disposition"]


class TestAnOwnerWhoHasLeft:
    def test_stays_when_only_the_due_date_changes(self, client, users, make_nc):
        nc = make_nc(owner_id=users["admin"].pk)
        type(users["admin"]).objects.filter(pk=users["admin"].pk).update(is_active=False)
        client.force_login(users["quality"])
        form = {"owner": users["admin"].pk, "due_on": "2031-01-31", "reason": "The tool comes late"}

        client.post(f"/admin/ncs/nonconformity/{nc.pk}/change/?step=assign", form)

        nc.refresh_from_db()
        assert (nc.owner_id, nc.due_on.isoformat()) == (users["admin"].pk, "2031-01-31")


class TestAnOldForm:
    def test_for_a_step_that_is_past_takes_no_other_and_gives_its_text_back(self, client, users, make_nc):
        nc = make_nc()
        close_nonconformity(nc_id=nc.pk, actor=users["admin"])
        client.force_login(users["quality"])

        for address in ("", "?step=contain", "?step=close", "?step=nonsense"):
            answer = client.post(
                f"/admin/ncs/nonconformity/{nc.pk}/change/{address}",
                {"reason": "Sorted", "containment": "Blocked"},
                follow=True,
            )
            assert "has been closed already, by admin" in answer.content.decode(), address
            assert "Reason: Sorted" in answer.content.decode() and "Containment: Blocked" in answer.content.decode()
        assert NonConformity.objects.get().status == "CLOSED"

    def test_of_a_step_says_its_step_itself(self, make_nc, page_of):
        assert 'action="?step=contain"' in page_of(make_nc(severity="high"))
