"""What somebody wrote when their session had ended is there after they have logged in again, and for nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client

from audit.models import AuditEntry
from ncs.models import NonConformity
from qhse.accounts.models import User
from qhse.accounts.services.users import change_user
from qhse.adminsite import held
from qhse.adminsite.held import AT_THE_LOGIN, GIVEN_BACK, MOST_HELD
from qhse.adminsite.marks import MARK
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.adminsite.tests.forms_of import fields_of, open_and_fill
from qhse.database import database_time

ADD = "/admin/ncs/nonconformity/add/"
TEXT = "Lot 5390: 12 of 80 bolts broke in the proof load test\r\nat 31 kN"


@pytest.fixture
def written(browser: Browser, records: Records) -> tuple[Client, dict[str, Any]]:
    """A browser whose session ends while a long text is written in it, and what it sends then."""
    client = browser("quality")
    fields = open_and_fill(client, ADD, supplier=records.supplier.pk, severity="high", description=TEXT)
    Session.objects.all().delete()
    return client, fields


def log_in_there(client: Client, response: Any, who: str = "quality") -> Any:
    """Log in at the page that a POST was led to, and follow."""
    page = client.get(response["Location"])
    form = fields_of(page, username=who, password=f"correct-horse-{who}")
    return client.post(response["Location"], form, follow=True)


class TestAForm:
    def test_that_comes_too_late_is_there_after_the_login_and_has_stored_nothing(
        self, written: Any, traces: Any
    ) -> None:
        client, fields = written
        before = traces()

        late = client.post(ADD, fields)
        login = client.get(late["Location"])
        page = log_in_there(client, late)

        assert late["Location"].startswith("/admin/login/?next=/admin/ncs/nonconformity/add/%3Fheld%3D")
        assert AT_THE_LOGIN in text_of(login)
        assert "proof load test" not in text_of(login)
        assert GIVEN_BACK in text_of(page)
        assert "at 31 kN" in text_of(page)
        assert traces()[:-1] == before[:-1]

    def test_is_there_again_when_the_page_is_loaded_again_until_it_is_saved(self, written: Any) -> None:
        client, fields = written
        page = log_in_there(client, client.post(ADD, fields))
        address = page.redirect_chain[-1][0]

        again = client.get(address)
        saved = client.post(address, fields_of(again))
        later = client.get(address, follow=True)

        nc = NonConformity.objects.latest("id")
        assert "at 31 kN" in text_of(again)
        assert (saved.status_code, saved["Location"]) == (302, f"/admin/ncs/nonconformity/{nc.pk}/change/")
        assert nc.description == TEXT.replace("\r\n", "\n")
        assert "at 31 kN" not in text_of(later)

    @pytest.mark.parametrize("who", ["admin", "auditor"])
    def test_is_shown_to_nobody_else_who_logs_in_there_not_even_afterwards(self, who: str, written: Any) -> None:
        client, fields = written
        late = client.post(ADD, fields)

        page = log_in_there(client, late, who)
        held_now = [session.get_decoded().get("held") for session in Session.objects.all()]

        assert "at 31 kN" not in text_of(page)
        assert "at 31 kN" not in text_of(client.get(late["Location"].split("next=")[1], follow=True))
        assert held_now == [{}]

    def test_is_shown_to_nobody_else_even_if_their_login_had_not_emptied_it(
        self, written: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, fields = written
        monkeypatch.setattr("qhse.adminsite.site.forget_others", lambda request: None)

        page = log_in_there(client, client.post(ADD, fields), "admin")

        assert "at 31 kN" not in text_of(page)

    def test_of_a_record_is_given_back_with_the_version_it_was_opened_with(
        self, browser: Browser, records: Records, users: Any
    ) -> None:
        client, page = browser("admin"), f"/admin/accounts/user/{records.user.pk}/change/"
        fields = open_and_fill(client, page, email="miller@example.com", new_password="ground-valve-seat-7")
        Session.objects.all().delete()
        change_user(user_id=records.user.pk, actor=users["admin"], changes={"is_active": False}, reason="Left")

        shown = log_in_there(client, client.post(page, fields), "admin")

        assert "Somebody has changed this while the page was open" in text_of(shown)
        assert "miller@example.com" in text_of(shown)
        assert "ground-valve" not in text_of(shown)
        assert not any("ground-valve" in str(each.get_decoded()) for each in Session.objects.all())

    def test_of_an_action_on_several_is_given_back_with_its_reason(self, browser: Browser, records: Records) -> None:
        client, page = browser("quality"), "/admin/ncs/nonconformity/?severity__exact=high"
        asked = client.post(page, {"action": "close_selected", "_selected_action": [records.open_nc.pk]})
        fields = fields_of(asked, reason="Supplier visit of May")
        Session.objects.all().delete()

        shown = log_in_there(client, client.post(page, fields))
        closed = client.post(shown.redirect_chain[-1][0], fields_of(shown), follow=True)

        assert "Supplier visit of May" in text_of(shown)
        assert records.open_nc.number in text_of(shown)
        assert "1 done" in text_of(closed)
        assert NonConformity.objects.get(pk=records.open_nc.pk).closure_reason == "Supplier visit of May"

    def test_sent_after_a_login_in_another_tab_comes_back_at_once(self, browser: Browser, records: Records) -> None:
        client: Client = browser("quality", enforce_csrf_checks=True)
        fields = open_and_fill(client, ADD, supplier=records.supplier.pk, severity="high", description=TEXT)
        Session.objects.all().delete()
        client.cookies.pop("csrftoken", None)
        client.get("/admin/login/")
        client.force_login(User.objects.get(username="quality"))

        answer = client.post(ADD, fields, follow=True)

        assert GIVEN_BACK in text_of(answer)
        assert "at 31 kN" in text_of(answer)

    def test_of_another_person_is_refused_after_a_login_in_another_tab(
        self, browser: Browser, records: Records, traces: Any
    ) -> None:
        client: Client = browser("quality", enforce_csrf_checks=True)
        fields = open_and_fill(client, ADD, supplier=records.supplier.pk, severity="high", description=TEXT)
        client.cookies.pop("csrftoken", None)
        client.get("/admin/login/")
        client.force_login(User.objects.get(username="admin"))
        before = traces()

        answer = client.post(ADD, fields)

        assert (answer.status_code, "at 31 kN" in text_of(answer)) == (403, False)
        assert traces() == before


class TestNothingIsKept:
    @pytest.mark.parametrize(
        "mark",
        ["", "forged", "x" * 5000, signing.dumps([1, "x"], salt="another"), "\x00"],
        ids=["none", "forged", "long", "of another form", "NUL"],
    )
    def test_of_a_form_that_is_not_ours(self, mark: str, written: Any) -> None:
        client, fields = written

        answer = client.post(ADD, fields | {MARK: mark})

        assert "held" not in answer["Location"]
        assert not Session.objects.exists()

    def test_of_who_may_not_enter_any_more(self, written: Any, users: Any) -> None:
        client, fields = written
        User.objects.filter(username="quality").update(is_active=False)

        assert "held" not in client.post(ADD, fields)["Location"]

    def test_that_is_larger_than_any_honest_text(self, written: Any) -> None:
        client, fields = written

        assert "held" not in client.post(ADD, fields | {"description": "x" * held.LARGEST})["Location"]

    @pytest.mark.parametrize("page", ["/admin/audit/auditentry/verify/", "/admin/password_change/", "/admin/logout/"])
    def test_of_a_button_and_of_passwords(self, page: str, written: Any) -> None:
        client, fields = written
        form = {MARK: fields[MARK], "old_password": "x", "new_password1": "y", "new_password2": "y"}

        assert "held" not in client.post(page, form)["Location"]

    def test_for_longer_than_a_day_and_of_more_than_a_few_forms(
        self, written: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, fields = written
        addresses = [client.post(ADD, fields)["Location"] for _ in range(MOST_HELD + 2)]

        kept = Session.objects.get().get_decoded()["held"]
        monkeypatch.setattr(held, "KEPT", -held.KEPT)
        page = log_in_there(client, client.post(ADD, fields))

        assert len(kept) == MOST_HELD
        assert addresses[-1].rpartition("%3D")[2] in kept
        assert "at 31 kN" not in text_of(page)


class TestGivingBack:
    def test_stores_nothing_even_where_a_page_would(
        self, written: Any, monkeypatch: pytest.MonkeyPatch, traces: Any
    ) -> None:
        client, fields = written
        monkeypatch.setattr("qhse.adminsite.held.show_only", lambda request, why: None)
        before = traces()

        page = log_in_there(client, client.post(ADD, fields))

        assert page.redirect_chain[-1][0] == ADD
        assert traces()[:-1] == before[:-1]
        assert not AuditEntry.objects.filter(reason__contains="31 kN").exists()


class TestASession:
    def test_lasts_as_long_after_its_last_use_as_after_the_login(
        self, browser: Browser, records: Records, settings: Any
    ) -> None:
        client = browser("quality")
        client.get("/admin/")
        nearly_over = database_time() + timedelta(minutes=5)
        Session.objects.update(expire_date=nearly_over)

        answer = client.get("/admin/")

        assert answer.cookies["sessionid"]["max-age"] == settings.SESSION_COOKIE_AGE
        assert Session.objects.get().expire_date > nearly_over + timedelta(hours=7)

    def test_is_not_written_at_each_request(self, browser: Browser, records: Records) -> None:
        client = browser("quality")
        client.get("/admin/")

        assert "sessionid" not in client.get("/admin/").cookies

    def test_ends_a_day_after_the_login_however_busy_it_was(self, browser: Browser, records: Records) -> None:
        client = browser("quality")
        fields = open_and_fill(client, ADD, supplier=records.supplier.pk, severity="high", description=TEXT)
        session = client.session
        session["begun_at"] = (database_time() - timedelta(hours=24, minutes=1)).isoformat()
        session.save()

        late = client.post(ADD, fields)

        assert "held" in late["Location"]
        assert client.get("/admin/").status_code == 302
