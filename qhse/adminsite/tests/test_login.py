"""The admin's login and its page for a new password: limited, counted and recorded as the API's login is."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client

from audit.models import AuditEntry
from dev.waiting import wait_until
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from qhse.tests.waiting import at_once

pytestmark = pytest.mark.django_db

ACCOUNT_LIMIT = 10
AWAY = "198.51.100.9"


class TestTheAdminSite:
    def enter(self, client, username="quality", password="a-wrong-horse", address=AWAY):
        return client.post("/admin/login/", {"username": username, "password": password}, REMOTE_ADDR=address)

    def test_counts_with_the_api(self, users, client, try_login):
        for _ in range(ACCOUNT_LIMIT // 2):
            assert self.enter(client).status_code == 200
            assert try_login().status_code == 401

        blocked = self.enter(client, password="correct-horse-quality")

        assert (blocked.status_code, "Too many failed logins" in blocked.content.decode()) == (429, True)
        assert int(blocked["Retry-After"]) > 0
        assert try_login(password="correct-horse-quality").status_code == 429

    def test_opens_for_staff_and_records_it(self, users, client):
        assert self.enter(client, password="correct-horse-quality")["Location"] == "/admin/"

        entry = AuditEntry.objects.get(action="LOGIN_SUCCEEDED")
        assert (entry.actor, entry.source) == ("quality", "admin")

    def test_refuses_who_is_no_staff_in_the_words_of_a_wrong_password(self, users, client):
        User.objects.create_user("outside", password="correct-horse-outside", role=Role.QUALITY)

        pages = [self.enter(client, "outside", password) for password in ("correct-horse-outside", "a-wrong-horse")]

        errors = [list(page.context["form"].non_field_errors()) for page in pages]
        assert errors[0] == errors[1]
        assert "correct username and password" in errors[0][0]
        assert AuditEntry.objects.filter(action="LOGIN_FAILED").count() == 2

    def test_hashes_no_overlong_password(self, users, client, hashed):
        self.enter(client, password="x" * 129)

        assert hashed == []

    def change(self, client, old="a-wrong-horse", new="lathe-and-milling-5"):
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        return client.post("/admin/password_change/", form, REMOTE_ADDR=AWAY)

    def test_counts_guesses_at_the_old_password_as_logins(self, users, client, try_login):
        client.force_login(users["quality"])
        for _ in range(ACCOUNT_LIMIT):
            assert self.change(client).status_code == 200

        blocked = self.change(client, "correct-horse-quality")

        assert (blocked.status_code, "Too many failed logins" in blocked.content.decode()) == (429, True)
        assert int(blocked["Retry-After"]) > 0
        assert try_login(password="correct-horse-quality").status_code == 429
        entries = AuditEntry.objects.filter(action="LOGIN_FAILED")
        assert {(entry.entity_id, entry.reason) for entry in entries} == {
            (str(users["quality"].pk), "to change the password")
        }

    @pytest.mark.parametrize(("old", "new"), [("correct-horse-quality", "lathe-5-" * 20), ("x" * 129, "lathe-and-5")])
    def test_takes_no_overlong_password_and_hashes_none(self, users, client, hashed, old, new):
        client.force_login(users["quality"])
        client.raise_request_exception = False
        before = User.objects.get(pk=users["quality"].pk).password
        hashed.clear()

        page = self.change(client, old, new)

        assert page.status_code == 200
        assert page.context["form"].errors
        assert len(hashed) == (1 if old == "correct-horse-quality" else 0)
        assert User.objects.get(pk=users["quality"].pk).password == before


class TestLogin:
    @pytest.mark.parametrize("path", ["/admin/login", "/admin/login/"])
    def test_lets_staff_in_with_the_right_password(self, path: str, users: dict[str, Any]) -> None:
        response = Client().post(path, {"username": "auditor", "password": "correct-horse-auditor", "next": "/admin/"})

        assert (response.status_code, response["Location"]) == (302, "/admin/")

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("auditor", "wrong"),
            ("nobody-of-this-name", "correct-horse-auditor"),
            ("api-only", "brass-fitting-42x"),
            ("nul\0byte", "x"),
            ("x" * 10_000, "y" * 100_000),
            ("", ""),
        ],
    )
    def test_refuses_everybody_else_on_the_same_page(self, username: str, password: str, users: dict[str, Any]) -> None:
        create_user(username="api-only", password="brass-fitting-42x", role=Role.ADMIN, actor=None, is_staff=False)
        client = Client()

        response = client.post("/admin/login/", {"username": username, "password": password, "next": "/admin/"})

        assert response.status_code == 200
        assert "sessionid" not in client.cookies

    @pytest.mark.parametrize(
        "key", ['"\\000aaaaaaaaaaaa"', "%00", "x" * 5000, "short", '"; DROP TABLE django_session"']
    )
    def test_takes_a_forged_session_for_none(self, key: str, users: dict[str, Any]) -> None:
        response = Client(headers={"Cookie": f"sessionid={key}; csrftoken={key}"}).get("/admin/")

        assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")

    def test_leads_to_no_other_site(self, users: dict[str, Any]) -> None:
        form = {"username": "auditor", "password": "correct-horse-auditor", "next": "https://example.com/"}

        response = Client().post("/admin/login/", form)

        assert response["Location"] == "/admin/"


class TestLogout:
    def test_ends_the_session_and_is_recorded_as_the_api_records_it(self, users: dict[str, Any]) -> None:
        client = Client()
        client.force_login(users["quality"])

        answer = client.post("/admin/logout/", REMOTE_ADDR=AWAY)

        entries = list(AuditEntry.objects.filter(action="LOGGED_OUT"))
        assert len(entries) == 1
        entry = entries[0]
        assert (answer.status_code, client.get("/admin/").status_code) == (200, 302)
        assert (entry.actor, entry.actor_role, entry.entity_id) == ("quality", "quality", str(users["quality"].pk))
        assert (entry.source, entry.client_address) == ("admin", AWAY)

    def test_is_stored_with_its_entry_or_not_at_all(
        self, users: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(users["quality"])
        monkeypatch.setattr("qhse.accounts.services.login.record", lambda **entry: 1 / 0)

        answer = client.post("/admin/logout/")

        assert (answer.status_code, client.get("/admin/").status_code) == (500, 200)

    def test_of_nobody_and_by_a_link_records_nothing(self, users: dict[str, Any]) -> None:
        client = Client()
        answers = [client.post("/admin/logout/").status_code]
        client.force_login(users["quality"])

        answers.append(client.get("/admin/logout/").status_code)

        assert (answers, client.get("/admin/").status_code) == ([302, 405], 200)
        assert not AuditEntry.objects.filter(action="LOGGED_OUT").exists()

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(
        ("page", "form", "answer"),
        [("logout/", {}, 200), ("login/", {"username": "auditor", "password": "correct-horse-auditor"}, 302)],
    )
    def test_that_comes_several_times_at_one_moment_is_one(
        self, users: dict[str, Any], page: str, form: dict[str, str], answer: int
    ) -> None:
        browser = Client()
        browser.force_login(users["quality"])
        session_is_held = threading.Event()

        def hold_the_session_until_both_want_to_end_it() -> int:
            with transaction.atomic(), connection.cursor() as cursor:
                Session.objects.select_for_update().get()
                session_is_held.set()
                wait_until(lambda: _waiting(cursor) == 2, what="both requests to want the session's end")
                return 0

        def send() -> int:
            window = Client()
            window.cookies = browser.cookies.copy()
            session_is_held.wait(20)
            return int(window.post(f"/admin/{page}", form).status_code)

        statuses = at_once(3, lambda number: send() if number else hold_the_session_until_both_want_to_end_it())

        assert statuses == [0, answer, answer]
        assert [entry.actor for entry in AuditEntry.objects.filter(action="LOGGED_OUT")] == ["quality"]

    def test_by_another_person_who_logs_in_there_is_recorded_too(self, users: dict[str, Any]) -> None:
        client = Client()
        client.force_login(users["quality"])

        client.post("/admin/login/", {"username": "auditor", "password": "correct-horse-auditor"})

        assert [entry.actor for entry in AuditEntry.objects.filter(action="LOGGED_OUT")] == ["quality"]

    def test_is_none_when_the_same_person_logs_in_again(self, users: dict[str, Any]) -> None:
        client = Client()
        client.force_login(users["quality"])

        client.post("/admin/login/", {"username": "quality", "password": "correct-horse-quality"})
        client.post("/admin/login/", {"username": "auditor", "password": "a-wrong-horse"})

        assert not AuditEntry.objects.filter(action="LOGGED_OUT").exists()


def _waiting(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return int(cursor.fetchone()[0])
