"""When a token is good: by the database's clock, with one small leeway."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from qhse.accounts.models import TokenFamily
from qhse.accounts.services.tokens import issue_tokens, revoke_all_tokens
from qhse.accounts.services.validity import is_current
from qhse.database import database_time

pytestmark = pytest.mark.django_db
LEEWAY = 30


def changed(token: str, **shifts: float) -> str:
    """Return the token with these times set, in seconds from now by the database."""
    claims = jwt.decode(token, options={"verify_signature": False})
    now = database_time().timestamp()
    claims |= {name: int(now + shift) for name, shift in shifts.items()}
    return jwt.encode(claims, settings.JWT_SIGNING_KEY, algorithm="HS256")


def ask(token: str) -> int:
    return APIClient().get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code


def refresh(token: str) -> int:
    return APIClient().post("/auth/refresh", {"refresh_token": token}).status_code


TIMES = [
    ({"iat": 20}, True),
    ({"iat": 20, "nbf": 20}, True),
    ({"exp": -20}, True),
    ({"iat": LEEWAY + 20}, False),
    ({"nbf": LEEWAY + 20}, False),
    ({"exp": -LEEWAY - 5}, False),
]


class TestTheLeeway:
    @pytest.mark.parametrize(("shifts", "is_good"), TIMES)
    def test_covers_clocks_that_disagree_a_little_and_no_more(self, users, shifts, is_good):
        pair = issue_tokens(users["quality"])

        assert ask(changed(pair.access_token, **shifts)) == (200 if is_good else 401)
        assert refresh(changed(pair.refresh_token, **shifts)) == (200 if is_good else 401)

    def test_is_one_setting(self, users, settings):
        pair = issue_tokens(users["quality"])
        settings.TOKEN_LEEWAY = 0

        assert ask(changed(pair.access_token, exp=-2)) == 401
        assert ask(pair.access_token) == 200

    def test_revives_nothing_that_was_revoked(self, users):
        pair = issue_tokens(users["quality"])
        revoke_all_tokens(users["quality"])

        for shifts in ({}, {"iat": 20}, {"exp": -5}, {"exp": 3600}):
            assert ask(changed(pair.access_token, **shifts)) == 401
            assert refresh(changed(pair.refresh_token, **shifts)) == 401

    def test_makes_no_spent_token_good_again(self, users):
        spent = issue_tokens(users["quality"]).refresh_token
        assert refresh(spent) == 200

        assert refresh(changed(spent, exp=-5)) == 401
        assert TokenFamily.objects.get().revoked_at is not None

    def test_holds_for_the_row_of_the_login_as_well(self, users):
        from qhse.api.pruning import prune_expired

        pair = issue_tokens(users["quality"])
        TokenFamily.objects.update(expires_at=Now() - timedelta(seconds=10))
        list(prune_expired(keys_older_than_days=7))
        assert refresh(changed(pair.refresh_token, exp=-10)) == 200

        TokenFamily.objects.update(expires_at=Now() - timedelta(seconds=LEEWAY + 10))
        list(prune_expired(keys_older_than_days=7))
        assert not TokenFamily.objects.exists()


@pytest.mark.parametrize(
    "absurd",
    [
        {"exp": float("nan")}, {"exp": "4102444800"}, {"exp": True}, {"exp": None}, {"exp": [1]}, {"iat": "0"},
        {"iat": float("nan")}, {"iat": float("inf")},
        {"nbf": "soon"}, {"nbf": None}, {"iat": 10**400}, {"exp": -(10**400)}, {"exp": 10**18},
    ],
)  # fmt: skip
def test_times_that_are_none_are_not_now(absurd):
    now = timezone.now()
    good = {"iat": int(now.timestamp()), "exp": int(now.timestamp()) + 60}

    assert is_current(good, now)
    assert not is_current(good | absurd, now)


@pytest.mark.postgres
@pytest.mark.parametrize("days", [-2, 2])
class TestAHostWhoseClockIsWrong:
    """The database says what time it is. Each test sets the clock of the application off by two days."""

    @pytest.fixture(autouse=True)
    def wrong(self, users, monkeypatch, days):
        import rest_framework_simplejwt.tokens

        right = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(days=days))
        monkeypatch.setattr(rest_framework_simplejwt.tokens, "aware_utcnow", timezone.now)

    def test_takes_and_gives_tokens_as_others_do(self, users):
        pair = issue_tokens(users["quality"])

        for token, life in ((pair.access_token, 300), (pair.refresh_token, 86_400)):
            claims = jwt.decode(token, options={"verify_signature": False})
            assert abs(claims["iat"] - database_time().timestamp()) < 5
            assert claims["exp"] - claims["iat"] == life
        assert ask(pair.access_token) == 200
        assert refresh(pair.refresh_token) == 200

    def test_keeps_logins_and_sessions_as_long_as_others_do(self, users):
        from qhse.api.pruning import prune_expired

        issue_tokens(users["quality"])
        browser = Client()
        browser.force_login(users["quality"])
        list(prune_expired(keys_older_than_days=1))

        assert TokenFamily.objects.count() == 1
        assert browser.get("/admin/").status_code == 200
        left = Session.objects.get().expire_date - database_time()
        assert timedelta(hours=7, minutes=55) < left <= timedelta(hours=8)

    def test_opens_no_session_that_is_over(self, users):
        browser = Client()
        browser.force_login(users["quality"])
        Session.objects.update(expire_date=Now() - timedelta(seconds=1))

        assert browser.get("/admin/").status_code == 302
