"""No answer is kept by proxies and browsers, whoever asked for what. Static files are, and for long."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.observability.middleware import RequestContextMiddleware
from qhse.tests.test_permission_matrix import EXPECTED as ROUTES

pytestmark = [pytest.mark.django_db, pytest.mark.once]

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "BREW")


def may_be_kept(response) -> bool:
    words = {word.strip() for word in response.headers.get("Cache-Control", "").split(",")}
    return "no-store" not in words or bool(words & {"public", "immutable"})


@pytest.fixture
def event(make_nc):
    make_nc()
    OutboxEvent.objects.update(status=EventStatus.DEAD)
    return OutboxEvent.objects.first()


@pytest.mark.parametrize("who", ["admin", "quality", None])
def test_no_answer_of_any_route_may_be_kept(users, api, event, make_nc, who):
    nc = make_nc()
    client = api(who) if who else APIClient()
    client.raise_request_exception = False
    ids = {"<int:supplier_id>": nc.supplier_id, "<int:nc_id>": nc.pk, "<uuid:event_id>": event.event_id}
    kept = []
    for pattern in ROUTES:
        path = "/" + pattern
        for placeholder, value in ids.items():
            path = path.replace(placeholder, str(value))
        for method in METHODS:
            for body in ("{}", '{"reason": "Decided"}', "{"):
                if may_be_kept(client.generic(method, path, body, content_type="application/json")):
                    kept.append((method, path, body))

    assert kept == []


def test_neither_may_tokens_nor_answers_given_again(users, api, anonymous):
    login = {"username": "quality", "password": "correct-horse-quality"}
    tokens = anonymous.post("/auth/login", login)
    refreshed = anonymous.post("/auth/refresh", {"refresh_token": tokens.json()["refresh_token"]})
    key = {"HTTP_IDEMPOTENCY_KEY": "a-key"}
    first, again = (api("procurement").post("/suppliers", {"name": "Tyne Castings"}, **key) for _ in range(2))

    assert [answer.status_code for answer in (tokens, refreshed, first, again)] == [200, 200, 201, 201]
    assert again["Idempotency-Replayed"] == "true"
    assert not any(map(may_be_kept, (tokens, refreshed, first, again)))


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/no-such-page", {}, 404),
        ("/static/no-such-file.css", {}, 404),
        ("/suppliers", {"HTTP_HOST": "evil.example"}, 400),
        ("/suppliers?limit=x", {}, 400),
        ("/suppliers", {"HTTP_AUTHORIZATION": "Bearer rubbish"}, 401),
        ("/admin", {}, 302),
        ("/admin/", {}, 302),
        ("/admin/login/", {}, 200),
    ],
)
def test_nor_may_refusals_and_redirects(anonymous, api, path, options, status):
    client = anonymous if "HTTP_AUTHORIZATION" in options else api("admin")
    answer = client.get(path, **options)

    assert answer.status_code == status
    assert not may_be_kept(answer)


def test_a_tag_is_still_given_and_a_whole_answer_with_it(api, make_supplier):
    path = f"/suppliers/{make_supplier().pk}"
    first = api("quality").get(path)

    again = api("quality").get(path, HTTP_IF_NONE_MATCH=first["ETag"])

    assert (again.status_code, again.json(), again["ETag"]) == (200, first.json(), first["ETag"])
    assert not may_be_kept(again)


def test_static_files_are_kept(client: Client):
    answer = client.get("/static/adminsite/theme.css")
    answer.close()

    assert answer.status_code == 200
    assert "max-age" in answer["Cache-Control"] and "no-store" not in answer["Cache-Control"]


def test_a_file_whose_name_holds_its_hash_is_kept_for_ever():
    for_ever = "max-age=315360000, public, immutable"
    middleware = RequestContextMiddleware(lambda request: HttpResponse(headers={"Cache-Control": for_ever}))

    assert middleware(RequestFactory().get("/static/theme.1a2b3c.css"))["Cache-Control"] == for_ever
