"""`/auth`: login, refresh, logout, who am I."""

from __future__ import annotations

import time

import jwt
import pytest
from django.conf import settings
from django.contrib.auth import hashers

from qhse.accounts.models import User
from qhse.accounts.roles import Role

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
            ("quality", "correct-horse-quality "),
            ("quality", "Correct-horse-quality"),
            ("without-password", "!"),
        ],
        ids=["unknown", "wrong", "inactive", "trailing space", "password case", "unusable"],
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


class TestMe:
    # By hand from the contract's table of roles.
    READ_BY_ALL = {
        "suppliers:read", "certificates:read", "ncs:read", "actions:read", "attachments:read", "imports:read",
        "me:read",
    }  # fmt: skip
    WRITTEN_BY_QUALITY = {"ncs:write", "actions:write", "certificates:write", "attachments:write", "imports:write"}
    WRITTEN_BY_BUYERS = {"suppliers:write", "certificates:write", "attachments:write", "imports:write"}
    PERMISSIONS = {
        "quality": {*READ_BY_ALL, *WRITTEN_BY_QUALITY, "suppliers:write", "kpi:read"},  # their status
        "procurement": {*READ_BY_ALL, *WRITTEN_BY_BUYERS},
        "auditor": {*READ_BY_ALL, "kpi:read", "audit-log:read", "audit-log:write", "dossiers:read"},  # reviews
        "admin": {
            *READ_BY_ALL, *WRITTEN_BY_QUALITY, *WRITTEN_BY_BUYERS, "kpi:read", "audit-log:read", "audit-log:write",
            "dossiers:read", "outbox:read", "outbox:write", "webhooks:read", "webhooks:write",
        },
    }  # fmt: skip
    READING = {"list", "retrieve", "content", "preview", "report", "sample", "me"}

    @pytest.mark.parametrize("role", Role.values)
    def test_says_who_asks_and_what_they_may_do(self, users, api, role):
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
