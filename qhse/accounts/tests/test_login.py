"""How many failed logins there may be, who is counted, and what of it is recorded."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.contrib.auth import hashers
from django.db.models.functions import Now

from audit.models import AuditEntry
from qhse.accounts.models import FamiliarAddress, LoginCounter, TokenFamily
from qhse.accounts.services.users import change_user, set_password
from qhse.accounts.tests.test_api import log_in

pytestmark = pytest.mark.django_db

ACCOUNT_LIMIT, ADDRESS_LIMIT = 10, 30
HOME, AWAY = "192.0.2.1", "198.51.100.9"


class TestTheAccount:
    def test_is_refused_after_ten_failures_without_hashing_anything(self, try_login, hashed, problem_of):
        statuses = [try_login().status_code for _ in range(ACCOUNT_LIMIT)]
        assert statuses == [401] * ACCOUNT_LIMIT
        hashed.clear()

        response = try_login(password="correct-horse-quality")

        problem = problem_of(response, 429)
        assert problem["code"] == "too_many_failed_logins"
        assert 0 < int(response["Retry-After"]) <= 900
        assert hashed == []

    def test_is_counted_alike_whether_it_exists_or_not(self, try_login):
        for _ in range(ACCOUNT_LIMIT):
            assert try_login("nobody").status_code == 401

        assert try_login("nobody").status_code == 429

    def test_is_counted_over_all_addresses(self, try_login):
        for number in range(ACCOUNT_LIMIT):
            try_login(address=f"198.51.100.{number}")

        assert try_login(address="198.51.100.99").status_code == 429

    def test_is_one_in_every_spelling(self, try_login):
        for spelling in ("quality", "QUALITY", "Quality", "ｑuality"):
            for _ in range(3):
                last = try_login(spelling)

        assert last.status_code == 429

    def test_is_free_again_when_the_window_is_over(self, try_login):
        for _ in range(ACCOUNT_LIMIT):
            try_login()
        LoginCounter.objects.update(window_started_at=Now() - timedelta(seconds=901))

        assert try_login(password="correct-horse-quality").status_code == 200

    def test_is_free_when_the_clock_that_was_ahead_is_right_again(self, try_login):
        for _ in range(ACCOUNT_LIMIT):
            try_login()
        LoginCounter.objects.update(window_started_at=Now() + timedelta(days=1))

        assert try_login(password="correct-horse-quality").status_code == 200

    def test_of_somebody_else_goes_on(self, try_login):
        for _ in range(ACCOUNT_LIMIT):
            try_login()

        assert try_login("auditor", "correct-horse-auditor").status_code == 200

    def test_cannot_be_locked_for_its_owner_at_an_address_from_which_they_have_logged_in(self, try_login):
        assert try_login(password="correct-horse-quality", address=HOME).status_code == 200
        for _ in range(ACCOUNT_LIMIT):
            try_login(address=AWAY)
        assert try_login(password="correct-horse-quality", address=AWAY).status_code == 429

        assert try_login(password="correct-horse-quality", address=HOME).status_code == 200

    def test_has_its_limit_at_a_familiar_address_too(self, try_login):
        try_login(password="correct-horse-quality", address=HOME)
        for _ in range(ACCOUNT_LIMIT):
            assert try_login(address=HOME).status_code == 401

        assert try_login(password="correct-horse-quality", address=HOME).status_code == 429


class TestAClientThatIsNotKnown:
    """A trusted proxy that names nobody, or a Unix socket: many people come by it."""

    @pytest.fixture(params=["a proxy without the header", "a proxy that does not know", "a Unix socket"])
    def unknown(self, request, settings):
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        headers = {"HTTP_X_FORWARDED_FOR": "unknown"} if "not know" in request.param else {}
        return {"address": "" if "socket" in request.param else "10.0.0.1", **headers}

    def test_shares_no_count_with_others(self, try_login, unknown):
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}", **unknown)

        assert try_login("nobody-else", **unknown).status_code == 401
        assert try_login(password="correct-horse-quality", **unknown).status_code == 200
        assert not LoginCounter.objects.filter(bucket__startswith="address:").exists()

    def test_counts_for_the_account_exactly(self, try_login, unknown, problem_of):
        for _ in range(ACCOUNT_LIMIT):
            assert try_login(**unknown).status_code == 401

        problem_of(try_login(password="correct-horse-quality", **unknown), 429)

    def test_is_at_home_nowhere(self, try_login, unknown):
        assert try_login(password="correct-horse-quality", **unknown).status_code == 200
        for _ in range(ACCOUNT_LIMIT):
            try_login(address=AWAY)

        assert try_login(password="correct-horse-quality", **unknown).status_code == 429
        assert not FamiliarAddress.objects.filter(address="").exists()

    def test_is_blocked_nowhere_by_the_block_of_a_known_one(self, try_login, unknown):
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}")

        assert try_login("nobody-else").status_code == 429
        assert try_login("nobody-else", **unknown).status_code == 401


class TestTheAddress:
    def test_is_refused_after_thirty_failures_whatever_the_names(self, try_login, hashed):
        for number in range(ADDRESS_LIMIT):
            assert try_login(f"nobody-{number}").status_code == 401
        hashed.clear()

        assert try_login("nobody-else").status_code == 429
        assert hashed == []
        assert try_login("nobody-else", address=HOME).status_code == 401

    def test_that_is_blocked_leaves_no_rows_for_the_names_it_makes_up(self, try_login):
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}")
        before = (LoginCounter.objects.count(), AuditEntry.objects.count())

        for number in range(5):
            assert try_login(f"somebody-{number}").status_code == 429

        assert (LoginCounter.objects.count(), AuditEntry.objects.count()) == before

    def test_is_the_connections_own_whatever_the_client_writes_into_a_header(self, try_login):
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")

        assert try_login("nobody-else", HTTP_X_FORWARDED_FOR="203.0.113.200").status_code == 429

    def test_is_the_one_that_a_trusted_proxy_names(self, try_login, settings):
        settings.TRUSTED_PROXIES = [ip_network(f"{AWAY}/32")]
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.7")

        assert try_login("nobody-else", HTTP_X_FORWARDED_FOR="203.0.113.7").status_code == 429
        assert try_login("nobody-else", HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 401

    def test_is_one_with_whatever_port_the_proxy_writes_and_so_it_is_recorded(self, try_login, settings):
        settings.TRUSTED_PROXIES = [ip_network(f"{AWAY}/32")]
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}", HTTP_X_FORWARDED_FOR=f"6.6.6.6, 203.0.113.7:{50_000 + number}")

        assert try_login("nobody-else", HTTP_X_FORWARDED_FOR="203.0.113.7:4711").status_code == 429
        assert try_login("nobody-else", HTTP_X_FORWARDED_FOR="203.0.113.8:4711").status_code == 401
        recorded = AuditEntry.objects.filter(action="LOGIN_FAILED").values_list("client_address", flat=True)
        assert set(recorded) == {"203.0.113.7", "203.0.113.8"}

    def test_that_is_blocked_tells_no_familiar_account_from_a_made_up_one(self, try_login, hashed):
        assert try_login(password="correct-horse-quality").status_code == 200
        for number in range(ADDRESS_LIMIT):
            try_login(f"nobody-{number}")
        hashed.clear()

        answers = [try_login(name) for name in ("quality", "auditor", "nobody-else")]

        assert [answer.status_code for answer in answers] == [429] * 3
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert hashed == []

    def test_counts_failures_of_familiar_accounts_too(self, users, try_login):
        for name in users:
            assert try_login(name, f"correct-horse-{name}").status_code == 200
        statuses = [try_login(name).status_code for name in users for _ in range(ACCOUNT_LIMIT)]

        assert statuses.count(401) == ADDRESS_LIMIT
        assert set(statuses) == {401, 429}


def test_a_wrong_password_at_a_familiar_address_is_answered_as_to_a_stranger_while_the_account_is_blocked(try_login):
    assert try_login(password="correct-horse-quality", address=HOME).status_code == 200
    for _ in range(ACCOUNT_LIMIT):
        try_login(address=AWAY)
        try_login("nobody", address=AWAY)

    assert try_login(address=HOME).status_code == try_login("nobody", address=HOME).status_code == 429
    assert try_login(password="correct-horse-quality", address=HOME).status_code == 200


def test_successes_never_count(try_login):
    for _ in range(ADDRESS_LIMIT + 5):
        assert try_login(password="correct-horse-quality").status_code == 200

    assert not LoginCounter.objects.filter(failures__gt=0).exists()


class TestTheTrail:
    def test_has_each_outcome_with_the_address(self, users, try_login):
        try_login(password="correct-horse-quality")
        try_login()
        try_login("my-secret-in-the-wrong-field")

        entries = AuditEntry.objects.filter(action__startswith="LOGIN_").order_by("id")
        assert [(entry.action, entry.actor, entry.entity_id) for entry in entries] == [
            ("LOGIN_SUCCEEDED", "quality", str(users["quality"].pk)),
            ("LOGIN_FAILED", "anonymous", str(users["quality"].pk)),
            ("LOGIN_FAILED", "anonymous", "unknown"),
        ]
        assert {entry.client_address for entry in entries} == {AWAY}
        assert not AuditEntry.objects.filter(changes__icontains="my-secret").exists()

    def test_has_a_block_once(self, try_login):
        for _ in range(ACCOUNT_LIMIT + 5):
            try_login()

        assert AuditEntry.objects.filter(action="LOGIN_BLOCKED").count() == 1
        assert AuditEntry.objects.filter(action="LOGIN_FAILED").count() == ACCOUNT_LIMIT


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


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_once_no_more_than_the_limit_reach_the_hasher(users, hashed):
    from rest_framework.test import APIClient

    from qhse.tests.waiting import at_once

    statuses = at_once(
        16,
        lambda n: [
            APIClient().post("/auth/login", {"username": "quality", "password": f"wrong-{n}-{i}"}).status_code
            for i in range(4)
        ],
    )

    flat = [status for each in statuses for status in each]
    assert len(hashed) == flat.count(401) == ACCOUNT_LIMIT
    assert set(flat) <= {401, 429}
