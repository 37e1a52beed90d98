"""Tokens of an external identity provider."""

from __future__ import annotations

import re
import time

import pytest
from django.contrib.auth import hashers
from rest_framework.test import APIClient

from audit.models import AuditEntry
from qhse.accounts.models import User
from qhse.accounts.services import identity_provider as external
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import change_user
from qhse.accounts.tests.provider import AUDIENCE, ISSUER, Provider, running_provider
from qhse.deployment.settings_checks import check_identity_provider

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def shared_provider():
    with running_provider() as running:
        yield running


@pytest.fixture
def provider(shared_provider, settings):
    settings.OIDC_ISSUER, settings.OIDC_AUDIENCE = ISSUER, AUDIENCE
    settings.OIDC_JWKS_URL = shared_provider.url
    settings.OIDC_ROLE_CLAIM = "realm_access.roles"
    settings.OIDC_ROLES = {"theirs-admin": "admin", "theirs-quality": "quality", "theirs-auditor": "auditor"}
    shared_provider.answer, shared_provider.fetches = None, 0
    external._keys.cache_clear()
    yield shared_provider
    external._keys.cache_clear()


def ask(token: str, path: str = "/auth/me"):
    return APIClient().get(path, HTTP_AUTHORIZATION=f"Bearer {token}")


def roles(*names: str) -> dict:
    return {"realm_access": {"roles": list(names)}}


class TestAGoodToken:
    @pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
    def test_opens_the_api_with_the_mapped_role(self, provider, kid):
        body = ask(provider.token(kid=kid)).json()

        assert (body["username"], body["role"]) == ("m.weber", "quality")

    def test_records_its_user_once_with_an_audit_entry(self, provider):
        for _ in range(3):
            assert ask(provider.token()).status_code == 200

        user = User.objects.get(username="m.weber")
        assert (user.is_staff, user.has_usable_password()) == (False, False)
        entry = AuditEntry.objects.get(action="USER_CREATED", entity_id=user.pk)
        assert (entry.actor, entry.reason) == ("system", "identity provider")

    def test_writes_under_the_name_of_its_user(self, provider, make_nc):
        nc = make_nc()
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {provider.token()}")

        assert client.patch(f"/ncs/{nc.pk}/close").status_code == 200
        assert AuditEntry.objects.get(action="NC_CLOSED").actor == "m.weber"

    def test_costs_one_query_when_nothing_is_new(self, provider, django_assert_num_queries):
        token = provider.token()
        ask(token)

        with django_assert_num_queries(1):
            ask(token)

    def test_of_several_roles_brings_the_first_of_the_mapping(self, provider):
        assert ask(provider.token(**roles("theirs-auditor", "theirs-admin"))).json()["role"] == "admin"

    def test_may_have_its_roles_in_a_claim_that_is_named_by_an_address(self, provider, settings):
        settings.OIDC_ROLE_CLAIM = "https://qhse.example.com/roles"
        token = provider.token(**{"https://qhse.example.com/roles": ["theirs-auditor"]})

        assert ask(token).json()["role"] == "auditor"

    def test_never_becomes_a_local_user_of_the_same_name(self, provider, users):
        token = provider.token(preferred_username="admin", email="admin@example.com")

        body = ask(token).json()

        assert body["username"].startswith("admin~")
        assert (body["id"], body["role"]) != (users["admin"].pk, "admin")

    @pytest.mark.parametrize("name", [..., "", "   ", 7, "\u202e\u0007"])
    def test_without_a_usable_name_still_has_one(self, provider, name):
        assert ask(provider.token(preferred_username=name)).json()["username"].startswith("external~")

    @pytest.mark.parametrize(
        "name",
        ["\ufdfa" * 9, "ﷺ" * 120, "x" * 121, "ö" * 200, "o\u0308" * 121,
         "mallory:admin", "m.we\u200bber", "system", "ＳＹＳＴＥＭ",
         "Anonymous", "person-1", "\u0301anna", "a/b"],
    )  # fmt: skip
    def test_whose_name_cannot_be_stored_as_it_is_goes_by_one_with_a_suffix(self, provider, name):
        token = provider.token(preferred_username=name)

        first, again = ask(token), ask(token)

        assert (first.status_code, again.json()) == (200, first.json())
        assert re.fullmatch(r"[^~:]+~[0-9a-f]{12}", first.json()["username"])

    @pytest.mark.parametrize(
        ("claimed", "stored"),
        [(" Jörg  Müller ", "Jörg Müller"), ("jo\u0308rg@example.com", "jörg@example.com"), ("ｍ.weber", "m.weber")],
    )
    def test_whose_name_differs_by_its_form_alone_keeps_it(self, provider, claimed, stored):
        assert ask(provider.token(preferred_username=claimed)).json()["username"] == stored

    @pytest.mark.parametrize("name", ["ADMIN", "Ａdmin", "aDmIn "])
    def test_never_bears_a_local_users_name_in_another_form(self, provider, users, name):
        body = ask(provider.token(preferred_username=name)).json()

        assert "~" in body["username"]
        assert body["id"] != users["admin"].pk

    def test_leaves_our_own_tokens_as_they_are(self, provider, users):
        assert ask(issue_tokens(users["auditor"]).access_token).json()["role"] == "auditor"


FOREIGN = Provider(0)
BAD = {
    "another issuer": lambda p: p.token(iss="https://evil.example.com"),
    "another audience": lambda p: p.token(aud="other"),
    "another key under a known name": lambda p: p.token(key=FOREIGN.keys["rsa-1"]),
    "another kind of key under a known name": lambda p: p.token(kid="rsa-1", key=FOREIGN.keys["ec-1"]),
    "an unknown key": lambda p: p.token(kid="nobody", key=FOREIGN.keys["rsa-1"]),
    "no key name": lambda p: p.token(header={"kid": ""}),
    "a jku of its own": lambda p: p.token(kid="evil", key=FOREIGN.keys["rsa-1"], header={"jku": "http://127.0.0.1:1/"}),
    "expired": lambda p: p.token(exp=int(time.time()) - 60),
    "issued in the future": lambda p: p.token(iat=int(time.time()) + 3600),
    "not yet valid": lambda p: p.token(nbf=int(time.time()) + 3600),
    "no exp": lambda p: p.token(exp=...),
    "no iat": lambda p: p.token(iat=...),
    "no aud": lambda p: p.token(aud=...),
    "no sub": lambda p: p.token(sub=...),
    "an empty sub": lambda p: p.token(sub=""),
    "a NUL in sub": lambda p: p.token(sub="\x00"),
    "a lone surrogate in sub": lambda p: p.token(sub="\ud800"),
    "an absurd iat": lambda p: p.token(iat=-(10**17)),
    "no role": lambda p: p.token(realm_access=...),
    "roles of another shape": lambda p: p.token(realm_access=["theirs-admin"]),
    "roles that are a number": lambda p: p.token(realm_access={"roles": 7}),
    "an unknown role": lambda p: p.token(**roles("somebody")),
    "our own role name": lambda p: p.token(**roles("admin")),
    "HS256 with the public key": lambda p: p.token(key="k" * 64, algorithm="HS256"),
    "no signature": lambda p: p.token().rpartition(".")[0] + ".",
}


class TestABadToken:
    @pytest.mark.parametrize("forge", BAD.values(), ids=BAD)
    def test_is_401_in_the_one_wording_and_records_nobody(self, provider, problem_of, forge):
        problem = problem_of(ask(forge(provider)), 401)

        assert (problem["code"], problem["detail"]) == (
            "not_authenticated", "The credentials or the token are not valid, or no longer.",
        )  # fmt: skip
        assert not User.objects.exists()

    def test_that_claims_the_issuer_without_one_configured_is_401(self, provider, settings, problem_of):
        token = provider.token()
        settings.OIDC_ISSUER = ""

        problem_of(ask(token), 401)


class TestTheRole:
    def test_follows_a_later_token_and_leaves_an_entry(self, provider):
        now = int(time.time())
        ask(provider.token(iat=now - 100))

        assert ask(provider.token(iat=now - 50, **roles("theirs-auditor"))).json()["role"] == "auditor"

        entry = AuditEntry.objects.get(action="USER_CHANGED")
        assert (entry.changes, entry.reason) == ({"role": ["quality", "auditor"]}, "identity provider")

    def test_that_was_taken_away_does_not_come_back_with_an_earlier_token(self, provider):
        now = int(time.time())
        early = provider.token(iat=now - 100, **roles("theirs-admin"))
        assert ask(early).json()["role"] == "admin"
        ask(provider.token(iat=now - 50))

        assert ask(early).json()["role"] == "quality"

    def test_of_the_last_administrator_may_be_taken_away(self, provider):
        now = int(time.time())
        ask(provider.token(iat=now - 100, **roles("theirs-admin")))

        assert ask(provider.token(iat=now - 50)).json()["role"] == "quality"


class TestTheUser:
    def test_is_refused_when_deactivated_here(self, provider, users, problem_of):
        token = provider.token()
        change_user(user_id=ask(token).json()["id"], actor=users["admin"], changes={"is_active": False})

        problem_of(ask(token), 401)

    def test_cannot_log_in_by_password_and_costs_a_hash_as_everybody(self, provider, monkeypatch):
        ask(provider.token())
        calls = []
        hasher = type(hashers.get_hasher())
        encode = hasher.encode
        monkeypatch.setattr(hasher, "encode", lambda *args: calls.append(1) or encode(*args))

        response = APIClient().post("/auth/login", {"username": "m.weber", "password": "!"})

        assert (response.status_code, len(calls)) == (401, 1)


class TestTheKeys:
    def test_are_fetched_once_for_many_requests(self, provider):
        for _ in range(5):
            ask(provider.token())

        assert provider.fetches == 1

    def test_that_are_made_up_do_not_become_fetches(self, provider):
        ask(provider.token())
        for number in range(20):
            assert ask(provider.token(kid=f"made-up-{number}", key=FOREIGN.keys["rsa-1"])).status_code == 401

        assert provider.fetches == 1

    def test_that_are_new_are_found_after_a_while(self, provider, monkeypatch):
        ask(provider.token())
        provider.add_rsa("rsa-2")
        assert ask(provider.token(kid="rsa-2")).status_code == 401
        keys = external._keys(provider.url)
        monkeypatch.setattr(keys, "_last_successful_fetch", time.monotonic() - 31)

        assert ask(provider.token(kid="rsa-2")).status_code == 200

    @pytest.mark.parametrize(
        "answer",
        [(500, {}, b""), (200, {}, b"rubbish"), (200, {}, b"[]"), (302, {"Location": "/elsewhere"}, b"")],
        ids=["an error", "rubbish", "another shape", "a redirect"],
    )
    def test_that_cannot_be_had_are_503_and_not_asked_for_by_each_request(self, provider, problem_of, answer):
        provider.answer = answer
        token = provider.token()

        for _ in range(3):
            response = ask(token)
            assert problem_of(response, 503)["code"] == "identity_provider_unavailable"
            assert int(response["Retry-After"]) > 0
        assert provider.fetches == 1

    def test_stay_good_while_the_provider_is_away(self, provider, monkeypatch):
        token = provider.token()
        ask(token)
        provider.answer = (503, {}, b"")
        keys = external._keys(provider.url)
        keys.jwk_set_cache.jwk_set_with_timestamp = None

        assert ask(token).status_code == 200
        assert provider.fetches == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"OIDC_AUDIENCE": ""}, "OIDC_AUDIENCE"),
        ({"OIDC_ROLES": {}}, "OIDC_ROLES"),
        ({"OIDC_ROLES": {"theirs": "chief"}}, "no such role: chief"),
        ({"OIDC_ALGORITHMS": ["HS256"]}, "OIDC_ALGORITHMS"),
        ({"OIDC_JWKS_URL": "file:///etc/passwd"}, "https://"),
        ({"PRODUCTION": True}, "https://"),
    ],
)
def test_half_a_configuration_is_refused(provider, settings, changes, says):
    assert check_identity_provider(None) == []
    for name, value in changes.items():
        setattr(settings, name, value)

    assert says in check_identity_provider(None)[0].msg


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_ten_first_requests_at_once_one_records_the_user(provider):
    from qhse.tests.waiting import at_once

    token = provider.token()

    statuses = at_once(10, lambda n: ask(token).status_code)

    assert statuses == [200] * 10
    assert User.objects.filter(external_id__isnull=False).count() == 1
    assert AuditEntry.objects.filter(action="USER_CREATED").count() == 1
