"""Forged and odd tokens: each is a 401 in one wording, as access token and as refresh token; none is a 500."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken

from qhse.accounts.services.tokens import issue_tokens

pytestmark = pytest.mark.django_db

DROPPED = object()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: bytes, payload: bytes, *, key: str = settings.JWT_SIGNING_KEY, digest: Any = hashlib.sha256) -> str:
    """Return a token that is signed like ours, whatever is in it."""
    message = f"{encode(header)}.{encode(payload)}"
    return f"{message}.{encode(hmac.new(key.encode(), message.encode(), digest).digest())}"


class Forger:
    """Knows a user and everything about our tokens; for half of the tricks also the key."""

    def __init__(self, user: Any, typ: str) -> None:
        now = int(time.time())
        self.claims = {
            "typ": typ,
            "sub": str(user.pk),
            "role": user.role,
            "iss": "qhse",
            "aud": "qhse-api",
            "iat": now,
            "exp": now + 300,
            # Of a login that took place: everything about it is right, except what a test makes wrong.
            "jti": AccessToken(issue_tokens(user).access_token)["jti"],
        }

    def with_header(self, key: str = settings.JWT_SIGNING_KEY, digest: Any = hashlib.sha256, **header: Any) -> str:
        return sign(
            json.dumps({"alg": "HS256", "typ": "JWT"} | header).encode(),
            json.dumps(self.claims).encode(),
            key=key,
            digest=digest,
        )

    def with_claims(self, **changes: Any) -> str:
        claims = {name: value for name, value in (self.claims | changes).items() if value is not DROPPED}
        return sign(b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims).encode())

    def with_payload(self, payload: bytes) -> str:
        return sign(b'{"alg":"HS256","typ":"JWT"}', payload)

    def unsigned(self, algorithm: str) -> str:
        header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        return f"{encode(header)}.{encode(json.dumps(self.claims).encode())}."

    def tampered(self) -> str:
        header, _, signature = self.with_claims().split(".")
        return f"{header}.{encode(json.dumps(self.claims | {'sub': '1'}).encode())}.{signature}"


OTHER_KEY = "another-signing-key-of-the-same-generous-length-as-ours-is"

BAD_SIGNATURE = {
    "alg none": lambda forger: forger.unsigned("none"),
    "alg nOnE": lambda forger: forger.unsigned("nOnE"),
    "alg empty": lambda forger: forger.unsigned(""),
    "wrong key": lambda forger: forger.with_header(key=OTHER_KEY),
    "empty key": lambda forger: forger.with_header(key=""),
    "the admin site's key": lambda forger: forger.with_header(key=settings.SECRET_KEY),
    "HS512 with our key": lambda forger: forger.with_header(alg="HS512", digest=hashlib.sha512),
    "RS256 claimed": lambda forger: forger.with_header(alg="RS256"),
    "alg is a list": lambda forger: forger.with_header(alg=["HS256"]),
    "alg is null": lambda forger: forger.with_header(alg=None),
    "kid points to a file": lambda forger: forger.with_header(key=OTHER_KEY, kid="../../../../dev/null"),
    "jku points elsewhere": lambda forger: forger.with_header(key=OTHER_KEY, jku="http://127.0.0.1:1/keys"),
    "jwk brings its own key": lambda forger: forger.with_header(key="k", jwk={"kty": "oct", "k": "aw"}),
    "crit unknown": lambda forger: forger.with_header(crit=["x"], x=1),
    "payload changed": lambda forger: forger.tampered(),
    "signature cut": lambda forger: forger.with_claims()[:-10],
    "signature missing": lambda forger: forger.with_claims().rpartition(".")[0],
    "header is a list": lambda forger: sign(b"[]", b"{}"),
    "header is no JSON": lambda forger: sign(b"\xff\xfe", b"{}"),
}
BAD_CLAIMS = {
    f"{name} {label}": lambda forger, name=name, value=value: forger.with_claims(**{name: value})
    for name, values in {
        "exp": {
            "missing": DROPPED, "past": 1, "null": None, "a text": "soon", "a list": [], "-1": -1, "10^18": 10**18,
            "10^300": 1e300, "infinite": float("inf"), "not a number": float("nan"), "an object": {},
        },
        "iat": {"future": 10**12, "a text": "now", "infinite": float("inf")},
        "nbf": {"future": 10**12, "a list": []},
        "iss": {"missing": DROPPED, "foreign": "evil", "null": None, "a list": ["qhse"], "prefix": "qhs"},
        "aud": {"missing": DROPPED, "foreign": "other-api", "null": None, "a number": 1, "empty": []},
        "jti": {
            "missing": DROPPED, "null": None, "a list": ["x"], "an object": {}, "of no login": "4f7d0c8e2b7a4f0e",
            "of an unknown login": f"{'0' * 32}.{'0' * 32}",
        },
        "typ": {"missing": DROPPED, "null": None, "a list": ["access", "refresh"], "unknown": "x", "case": "ACCESS"},
        "sub": {
            "missing": DROPPED, "null": None, "a number": 1, "true": True, "a list": ["1"], "an object": {"pk": 1},
            "NUL": "\x00", "empty": "", "negative": "-1", "a float": "1.0", "hexadecimal": "0x1", "arabic": "١",
            "huge": "9" * 400, "past 64 bits": "9223372036854775808", "nobody's": "999999999", "SQL": "1 OR 1=1",
            "a lone surrogate": "\ud800", "a wildcard": "%", "with a space": " 1", "a name": "admin",
        },
    }.items()
    for label, value in values.items()
}  # fmt: skip
BAD_PAYLOAD = {
    "payload is a list": b"[1]",
    "payload is null": b"null",
    "payload is a text": b'"admin"',
    "payload is empty": b"",
    "payload is no UTF-8": b'{"sub": "\xff"}',
    "payload with a 5,000-digit number": b'{"exp": ' + b"9" * 5000 + b"}",
    "payload nested 2,000 deep": b"[" * 2000 + b"]" * 2000,
    "payload nested 100,000 deep": b'{"a":' * 100_000,
}
NO_TOKEN = {
    "nothing": "",
    "dots": "..",
    "four parts": "a.b.c.d",
    "no base64": "!!!.???.###",
    "NUL": "\x00.\x00.\x00",
    "latin-1": "é.é.é",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of dots": "." * 1_000_000,
}
FORGED = (
    BAD_SIGNATURE
    | BAD_CLAIMS
    | {name: lambda forger, payload=payload: forger.with_payload(payload) for name, payload in BAD_PAYLOAD.items()}
    | {name: lambda forger, text=text: text for name, text in NO_TOKEN.items()}
)


def test_there_are_enough_kinds():
    assert len(FORGED) >= 80


def test_the_forger_knows_how_a_good_token_looks(users, anonymous):
    """Otherwise every refusal below could have another reason than the one it is named for."""
    token = Forger(users["admin"], "access").with_claims()

    assert anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200


def test_a_foreign_kid_or_key_url_beside_a_good_signature_is_ignored(users, anonymous):
    token = Forger(users["admin"], "access").with_header(kid="../../etc/passwd", jku="http://127.0.0.1:1/keys")

    assert anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200


def test_no_forged_access_token_opens_anything(users, anonymous, problem_of):
    forger = Forger(users["admin"], "access")
    answers = set()

    for name, forge in FORGED.items():
        response = anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {forge(forger)}")
        assert response.status_code == 401, name
        problem = problem_of(response, 401)
        answers.add((problem["code"], problem["detail"] if forge(forger) else None))
        assert response["WWW-Authenticate"] == 'Bearer realm="qhse"'

    assert answers == {
        ("not_authenticated", "The credentials or the token are not valid, or no longer."),
        ("not_authenticated", None),
    }


def test_no_forged_refresh_token_gives_tokens(users, anonymous):
    forger = Forger(users["admin"], "refresh")

    for name, forge in FORGED.items():
        response = anonymous.post("/auth/refresh", {"refresh_token": forge(forger)})
        assert response.status_code in (400, 401), name
        assert "access_token" not in response.json()


@pytest.mark.parametrize(
    "changes", [{}, {"jti": "\x00"}, {"jti": "x" * 300}, {"jti": "' OR 1=1 --"}], ids=["made up", "NUL", "long", "SQL"]
)
def test_a_refresh_token_that_was_never_issued_gives_none(users, anonymous, problem_of, changes):
    token = Forger(users["admin"], "refresh").with_claims(**changes)

    problem_of(anonymous.post("/auth/refresh", {"refresh_token": token}), 401)


def test_an_issued_refresh_token_signed_anew_for_another_user_gives_none(users, anonymous, problem_of):
    forger = Forger(users["auditor"], "refresh")
    issued = issue_tokens(users["auditor"]).refresh_token.split(".")[1]
    forger.claims = json.loads(base64.urlsafe_b64decode(issued + "=="))

    token = forger.with_claims(sub=str(users["admin"].pk))

    problem_of(anonymous.post("/auth/refresh", {"refresh_token": token}), 401)


def test_a_refresh_token_is_no_access_token_and_an_access_token_no_refresh_token(users, anonymous, problem_of):
    pair = issue_tokens(users["admin"])

    problem_of(anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {pair.refresh_token}"), 401)
    problem_of(anonymous.post("/auth/refresh", {"refresh_token": pair.access_token}), 401)
    problem_of(anonymous.post("/auth/logout", {"refresh_token": pair.access_token}), 401)


@pytest.mark.parametrize(
    "header",
    ["", " ", "Bearer", "Bearer ", "Bearer a b", "{token}", "Basic {token}", "Token {token}", "Bearer: {token}",
     "Bearer {token} extra", "Bearer {token},Bearer {token}", 'Bearer "{token}"', "Basic YWRtaW46YWRtaW4=",
     "Bearer\x00"],
)  # fmt: skip
def test_a_malformed_header_is_401(users, anonymous, problem_of, header):
    header = header.replace("{token}", issue_tokens(users["admin"]).access_token)

    problem_of(anonymous.get("/auth/me", HTTP_AUTHORIZATION=header), 401)


def test_a_token_in_the_query_the_cookies_or_another_header_opens_nothing(users, anonymous, problem_of):
    token = issue_tokens(users["admin"]).access_token
    anonymous.cookies["access_token"] = token
    anonymous.cookies["Authorization"] = f"Bearer {token}"

    problem_of(anonymous.get("/auth/me", {"access_token": token}), 401)
    problem_of(anonymous.get("/auth/me", HTTP_X_AUTHORIZATION=f"Bearer {token}", HTTP_TOKEN=token), 401)
