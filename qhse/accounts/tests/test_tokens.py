"""Refresh tokens are good once; a spent one, a logout or thirty days end the login."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from audit.models import AuditEntry
from qhse.accounts.models import TokenFamily
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import api_settings, issue_tokens
from qhse.accounts.services.tokens import claims_of as read_claims
from qhse.accounts.services.users import change_user
from qhse.accounts.tests.test_api import TOKEN_FIELDS, claims_of, log_in

pytestmark = pytest.mark.django_db


class TestRefresh:
    def refresh(self, client, token):
        return client.post("/auth/refresh", {"refresh_token": token})

    def test_gives_a_new_pair_of_the_same_shape(self, users, anonymous):
        first = log_in(anonymous).json()

        response = self.refresh(anonymous, first["refresh_token"])

        assert response.status_code == 200
        second = response.json()
        assert set(second) == TOKEN_FIELDS
        assert second["refresh_token"] != first["refresh_token"]
        assert claims_of(second["access_token"])["sub"] == str(users["quality"].pk)

    def test_each_token_is_good_once_and_its_successor_follows(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]

        for _ in range(3):
            token = self.refresh(anonymous, token).json()["refresh_token"]

        assert token

    def test_a_spent_token_is_refused_and_ends_the_whole_login(self, users, anonymous, problem_of):
        first = log_in(anonymous).json()["refresh_token"]
        second = self.refresh(anonymous, first).json()

        problem = problem_of(self.refresh(anonymous, first), 401)

        assert problem["code"] == "invalid_credentials"
        assert self.refresh(anonymous, second["refresh_token"]).status_code == 401
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {second['access_token']}"}
        assert anonymous.get("/auth/me", **bearer).status_code == 401

    def test_a_reuse_is_audited_with_user_and_address(self, users, anonymous):
        first = log_in(anonymous).json()["refresh_token"]
        self.refresh(anonymous, first)

        anonymous.post("/auth/refresh", {"refresh_token": first}, REMOTE_ADDR="192.0.2.7")

        entry = AuditEntry.objects.get(action="TOKEN_REUSED")
        assert (entry.entity_id, entry.client_address) == (str(users["quality"].pk), "192.0.2.7")

    def test_a_reuse_leaves_other_logins_of_the_user_alone(self, users, anonymous):
        here, there = (log_in(anonymous).json()["refresh_token"] for _ in range(2))
        self.refresh(anonymous, here)
        self.refresh(anonymous, here)

        assert self.refresh(anonymous, there).status_code == 200

    def test_no_login_lives_longer_than_thirty_days(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]
        TokenFamily.objects.update(created_at=Now() - timedelta(days=30, seconds=1))

        assert self.refresh(anonymous, token).status_code == 401

    def test_the_new_tokens_carry_the_role_of_today(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]
        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"role": Role.AUDITOR})

        body = self.refresh(anonymous, token).json()

        assert body["role"] == claims_of(body["access_token"])["role"] == "auditor"

    def test_a_deactivated_user_gets_none_and_the_old_one_does_not_come_back_with_the_user(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]
        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": False})
        assert self.refresh(anonymous, token).status_code == 401

        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": True})

        assert self.refresh(anonymous, token).status_code == 401

    def test_the_token_of_one_user_never_gives_another_users(self, users, anonymous):
        tokens = {role: issue_tokens(users[role]).refresh_token for role in users}

        for role, token in tokens.items():
            assert claims_of(self.refresh(anonymous, token).json()["access_token"])["sub"] == str(users[role].pk)

    @pytest.mark.parametrize("length", [4097, 100_000])
    def test_an_overlong_token_is_400(self, anonymous, problem_of, length):
        problem = problem_of(self.refresh(anonymous, "x" * length), 400)

        assert [error["field"] for error in problem["errors"]] == ["refresh_token"]


class TestLogout:
    def test_spends_the_refresh_token(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]

        response = anonymous.post("/auth/logout", {"refresh_token": token})

        assert (response.status_code, response.content) == (204, b"")
        assert anonymous.post("/auth/refresh", {"refresh_token": token}).status_code == 401

    def test_twice_is_401_the_second_time(self, users, anonymous, problem_of):
        token = log_in(anonymous).json()["refresh_token"]
        anonymous.post("/auth/logout", {"refresh_token": token})

        problem_of(anonymous.post("/auth/logout", {"refresh_token": token}), 401)

    def test_ends_the_access_token_too(self, users, anonymous):
        pair = log_in(anonymous).json()
        anonymous.post("/auth/logout", {"refresh_token": pair["refresh_token"]})

        response = anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}")

        assert response.status_code == 401

    def test_leaves_the_users_other_logins_alone(self, users, anonymous):
        here, there = (log_in(anonymous).json()["refresh_token"] for _ in range(2))

        anonymous.post("/auth/logout", {"refresh_token": here})

        assert anonymous.post("/auth/refresh", {"refresh_token": there}).status_code == 200

    def test_has_nothing_to_end_for_a_deactivated_user(self, users, anonymous):
        token = log_in(anonymous).json()["refresh_token"]
        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": False})

        assert anonymous.post("/auth/logout", {"refresh_token": token}).status_code == 401


class TestWhatATokenSays:
    @pytest.fixture
    def token(self, users):
        return issue_tokens(users["quality"]).access_token

    def test_is_kept_as_it_was_read(self, token):
        read_claims(token, "access")["sub"] = "another"

        assert read_claims(token, "access")["sub"] != "another"

    def test_is_read_anew_under_another_key(self, token, monkeypatch):
        assert read_claims(token, "access")

        monkeypatch.setattr(api_settings, "SIGNING_KEY", "another-key-of-thirty-two-letters-at-least")

        assert read_claims(token, "access") is None

    def test_is_that_of_its_kind_alone(self, token):
        assert read_claims(token, "access")
        assert read_claims(token, "refresh") is None
