"""Every answer carries a request id: the caller's if it is harmless, else a new one."""

from __future__ import annotations

import re

import pytest

from audit.models import AuditEntry
from outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db

NEW_ID = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    "offered", ["a", "4711", "req-42", "A.b_C-9", "x" * 64, "..", "-", "0190f3d4-7a6b-7c8d-9e0f-a1b2c3d4e5f6"]
)
def test_a_harmless_one_is_echoed(anonymous, offered):
    assert anonymous.get("/healthz", HTTP_X_REQUEST_ID=offered)["X-Request-ID"] == offered


@pytest.mark.parametrize(
    "offered",
    ["", " ", "a b", "x" * 65, "x" * 100_000, "a\r\nSet-Cookie: a=b", "a\n", "a\x00", "ä", "a;b", "a/b", "a:b", "a,b",
     "<script>", "${jndi:ldap://x}", "' OR 1=1", "a\u2028b", "１２", "\x1b[31m", "%0d%0a", "{}", "a@b", "a+b", "a=b"],
)  # fmt: skip
def test_a_hostile_one_is_replaced(anonymous, offered):
    answered = anonymous.get("/healthz", HTTP_X_REQUEST_ID=offered)["X-Request-ID"]

    assert answered != offered
    assert NEW_ID.fullmatch(answered)


def test_without_one_each_request_gets_its_own(anonymous):
    ids = {anonymous.get("/healthz")["X-Request-ID"] for _ in range(20)}

    assert len(ids) == 20
    assert all(NEW_ID.fullmatch(answered) for answered in ids)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/nope", {}),
        ("GET", "/suppliers", {}),
        ("POST", "/suppliers", {}),
        ("OPTIONS", "/healthz", {}),
        ("GET", "/suppliers", {"HTTP_HOST": "evil.example"}),
        ("GET", "/docs", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
        ("GET", "/admin/login/", {}),
        ("GET", "/admin/", {}),
        ("GET", "/admin/nope/", {}),
        ("GET", "/static/adminsite/theme.css", {}),
        ("HEAD", "/healthz", {}),
    ],
)
def test_every_answer_carries_it_also_refusals_and_pages(anonymous, method, path, headers):
    response = anonymous.generic(method, path, HTTP_X_REQUEST_ID="gauge-7", **headers)
    response.close()  # a static file is open

    assert response["X-Request-ID"] == "gauge-7"
    if response.get("Content-Type") == "application/problem+json" and method != "HEAD":
        assert response.json()["request_id"] == "gauge-7"


def test_a_replaced_one_stands_in_the_answer_the_trail_and_the_event_alike(api):
    response = api("procurement").post("/suppliers", {"name": "Hansa"}, HTTP_X_REQUEST_ID="forged\r\nline")

    answered = response["X-Request-ID"]
    assert NEW_ID.fullmatch(answered)
    assert AuditEntry.objects.get(action="SUPPLIER_CREATED").request_id == answered
    assert OutboxEvent.objects.get().headers["request_id"] == answered


def test_one_request_never_shows_the_id_of_another(api, make_nc):
    client = api("quality")
    ids = {}
    for number in range(5):
        nc = make_nc()
        client.patch(f"/ncs/{nc.pk}/close", {}, HTTP_X_REQUEST_ID=f"close-{number}")
        ids[str(nc.pk)] = f"close-{number}"

    stored = dict(AuditEntry.objects.filter(action="NC_CLOSED").values_list("entity_id", "request_id"))

    assert stored == ids
    assert set(AuditEntry.objects.filter(action="NC_CREATED").values_list("request_id", flat=True)) == {""}
