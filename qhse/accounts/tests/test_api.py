"""`/auth`: login, refresh, logout, who am I."""

from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.db.models.functions import Now
from django.test import Client

from audit.models import AuditEntry
from qhse.accounts.errors import PasswordIsTooLong
from qhse.accounts.models import TokenFamily, User
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import change_user, create_user, set_password

pytestmark = pytest.mark.django_db

TOKEN_FIELDS = {"access_token", "refresh_token", "token_type", "expires_in", "role"}
CLAIMS = {"sub", "role", "iss", "aud", "iat", "exp", "jti", "typ"}


def log_in(client, username="quality", password="correct-horse-quality"):
    return client.post("/auth/login", {"username": username, "password": password})


def claims_of(token: str) -> dict:
    return jwt.decode(token, settings.JWT_SIGNING_KEY, algorithms=["HS256"], audience="qhse-api", issuer="qhse")


class TestLogin:
    @pytest.mark.parametrize("role", Role.values)
    def test_answers_a_pair_of_tokens_for_each_role(self, users, anonymous, role):
        response = log_in(anonymous, role, f"correct-horse-{role}")

        assert response.status_code == 200
        body = response.json()
        assert set(body) == TOKEN_FIELDS
        assert (body["token_type"], body["expires_in"], body["role"]) == ("bearer", 300, role)
        assert response["Cache-Control"] == "no-store"

    def test_the_access_token_carries_the_claims_of_the_contract(self, users, anonymous):
        body = log_in(anonymous).json()

        claims = claims_of(body["access_token"])
        assert set(claims) == CLAIMS
        assert (claims["sub"], claims["role"], claims["typ"]) == (str(users["quality"].pk), "quality", "access")
        assert (claims["iss"], claims["aud"]) == ("qhse", "qhse-api")
        assert claims["exp"] - claims["iat"] == body["expires_in"]
        assert abs(claims["iat"] - time.time()) < 5
        refresh = claims_of(body["refresh_token"])
        assert (set(refresh), refresh["typ"]) == (CLAIMS, "refresh")
        assert refresh["jti"] != claims["jti"]
        assert jwt.get_unverified_header(body["access_token"]) == {"alg": "HS256", "typ": "JWT"}

    def test_the_token_opens_the_api_under_the_name_that_token_type_gives(self, users, anonymous):
        body = log_in(anonymous).json()

        for scheme in (body["token_type"], "Bearer", "BEARER"):
            response = anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"{scheme} {body['access_token']}")
            assert response.status_code == 200

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("nobody", "correct-horse-quality"),
            ("quality", "wrong-horse-quality"),
            ("inactive", "correct-horse-quality"),
            ("QUALITY", "correct-horse-quality"),
            ("quality", "correct-horse-quality "),
            ("quality", "Correct-horse-quality"),
            ("without-password", "!"),
        ],
        ids=["unknown", "wrong", "inactive", "other case", "trailing space", "password case", "unusable"],
    )
    def test_every_refusal_reads_the_same_and_costs_one_hash(
        self, users, anonymous, problem_of, monkeypatch, username, password
    ):
        User.objects.create_user("inactive", password="correct-horse-quality", role=Role.QUALITY, is_active=False)
        User.objects.create_user("without-password", password=None, role=Role.QUALITY)
        hashed = []
        hasher = type(hashers.get_hasher())
        encode, verify = hasher.encode, hasher.verify
        monkeypatch.setattr(hasher, "encode", lambda *args: hashed.append("encode") or encode(*args))
        monkeypatch.setattr(hasher, "verify", lambda *args: hashed.append("verify") or verify(*args))

        response = log_in(anonymous, username, password)

        problem = problem_of(response, 401)
        assert problem["detail"] == "The credentials or the token are not valid, or no longer."
        assert (problem["code"], problem["title"]) == ("invalid_credentials", "Unauthorized")
        assert "errors" not in problem
        assert response["WWW-Authenticate"] == 'Bearer realm="qhse"'
        assert len(hashed) == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"username": "quality"}, "password"),
            ({"password": "x"}, "username"),
            ({"username": "", "password": "x"}, "username"),
            ({"username": "quality", "password": ""}, "password"),
            ({"username": "q" * 151, "password": "x"}, "username"),
            ({"username": "quality", "password": "x" * 129}, "password"),
            ({"username": ["quality"], "password": "x"}, "username"),
            ({"username": "quality", "password": 12345678}, "password"),
            ({"username": "quality", "password": None}, "password"),
            ({"username": "quality", "password": "x", "role": "admin"}, "role"),
        ],
    )
    def test_a_malformed_body_is_400_before_anything_is_hashed(
        self, users, anonymous, problem_of, monkeypatch, body, field
    ):
        monkeypatch.setattr(type(hashers.get_hasher()), "verify", None)

        problem = problem_of(anonymous.post("/auth/login", body), 400)

        assert [error["field"] for error in problem["errors"]] == [field]

    def test_white_space_in_a_password_counts(self, users, anonymous):
        User.objects.create_user("spacious", password="  two spaces  ", role=Role.AUDITOR)

        assert log_in(anonymous, "spacious", "  two spaces  ").status_code == 200
        assert log_in(anonymous, "spacious", "two spaces").status_code == 401

    def test_the_password_is_in_no_answer(self, users, anonymous):
        for response in (log_in(anonymous), log_in(anonymous, "nobody"), log_in(anonymous, "x" * 151)):
            assert b"correct-horse" not in response.content


class TestSecrets:
    def test_neither_passwords_nor_tokens_are_logged(self, users, anonymous, caplog):
        caplog.set_level("DEBUG")
        pair = log_in(anonymous).json()

        log_in(anonymous, "quality", "a-wrong-horse")
        anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}")
        anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {pair['access_token']}x")
        anonymous.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
        anonymous.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})

        assert "POST /auth/login 401" in caplog.text
        for secret in ("correct-horse-quality", "a-wrong-horse", pair["access_token"], pair["refresh_token"]):
            assert secret not in caplog.text


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

    def test_a_deactivated_user_gets_none_and_his_old_one_does_not_come_back_with_him(self, users, anonymous):
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


class TestADeactivation:
    def deactivate_and_back(self, users, name="quality"):
        for active in (False, True):
            change_user(user_id=users[name].pk, actor=users["admin"], changes={"is_active": active})

    def test_ends_every_login_for_good(self, users, anonymous):
        tokens = [log_in(anonymous).json()["access_token"] for _ in range(2)]

        self.deactivate_and_back(users)

        for token in tokens:
            assert anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
        assert log_in(anonymous).status_code == 200

    def test_ends_the_users_admin_sessions_and_nobody_elses(self, users):
        his, hers = Client(), Client()
        his.force_login(users["quality"])
        hers.force_login(users["auditor"])

        self.deactivate_and_back(users)

        assert (his.get("/admin/").status_code, hers.get("/admin/").status_code) == (302, 200)


class TestALoginThatIsOvertaken:
    """By somebody who changes the account after the password was looked up and before tokens are issued."""

    @pytest.fixture
    def meanwhile(self, monkeypatch):
        def arrange(action):
            hasher = type(hashers.get_hasher())
            verify = hasher.verify

            def overtaken(*args):
                monkeypatch.setattr(hasher, "verify", verify)
                good = verify(*args)
                action()
                return good

            monkeypatch.setattr(hasher, "verify", overtaken)

        return arrange

    @pytest.mark.parametrize("how", ["a new password", "a deactivation"])
    def test_is_refused_and_leaves_no_login_behind(self, users, anonymous, problem_of, meanwhile, how):
        user = users["quality"].pk
        meanwhile(
            (lambda: set_password(user_id=user, password="a-better-horse-for-quality", actor=None))
            if how == "a new password"
            else (lambda: change_user(user_id=user, actor=None, changes={"is_active": False}))
        )

        problem_of(log_in(anonymous), 401)

        assert not TokenFamily.objects.filter(user=user, revoked_at__isnull=True).exists()


class TestAnOverlongPassword:
    @pytest.mark.parametrize("write", ["create", "set"])
    def test_is_refused_by_the_services_because_no_login_would_look_at_it(self, users, write):
        with pytest.raises(PasswordIsTooLong):
            if write == "create":
                create_user(username="long", password="x" * 129, role=Role.QUALITY, actor=None)
            else:
                set_password(user_id=users["quality"].pk, password="x" * 129, actor=None)

    def test_of_exactly_the_limit_logs_in(self, users, anonymous):
        set_password(user_id=users["quality"].pk, password="x" * 128, actor=None)

        assert log_in(anonymous, password="x" * 128).status_code == 200


class TestANewPassword:
    def test_ends_every_login_of_that_user_and_of_nobody_else(self, users, anonymous):
        pairs = [log_in(anonymous).json() for _ in range(2)]
        other = log_in(anonymous, "auditor", "correct-horse-auditor").json()

        set_password(user_id=users["quality"].pk, password="a-better-horse-for-quality", actor=users["admin"])

        for pair in pairs:
            bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access_token']}"}
            assert anonymous.get("/auth/me", **bearer).status_code == 401
            assert anonymous.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).status_code == 401
        assert anonymous.post("/auth/refresh", {"refresh_token": other["refresh_token"]}).status_code == 200


class TestMe:
    # By hand from the contract's table of roles.
    PERMISSIONS = {
        "quality": {"suppliers:read", "ncs:read", "ncs:write", "kpi:read"},
        "procurement": {"suppliers:read", "suppliers:write", "ncs:read"},
        "auditor": {"suppliers:read", "ncs:read", "kpi:read", "audit-log:read"},
        "admin": {
            "suppliers:read",
            "suppliers:write",
            "ncs:read",
            "ncs:write",
            "kpi:read",
            "audit-log:read",
            "outbox:read",
            "outbox:write",
        },
    }
    READING = {"list", "retrieve", "me"}

    @pytest.mark.parametrize("role", Role.values)
    def test_says_who_asks_and_what_he_may_do(self, users, api, role):
        body = api(role).get("/auth/me").json()

        assert set(body) == {"id", "username", "role", "permissions"}
        assert (body["id"], body["username"], body["role"]) == (users[role].pk, role, role)
        assert body["permissions"] == sorted(set(body["permissions"]))
        pairs = [permission.split(":") for permission in body["permissions"]]
        granted = {f"{part}:{'read' if action in self.READING else 'write'}" for part, action in pairs}
        assert granted - {"auth:read"} == self.PERMISSIONS[role]

    def test_the_session_cookie_of_the_admin_site_opens_nothing(self, users, anonymous, problem_of):
        anonymous.force_login(users["admin"])

        problem_of(anonymous.get("/auth/me"), 401)
