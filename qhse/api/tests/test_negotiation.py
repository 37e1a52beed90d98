"""One representation: JSON in, JSON out."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "rubbish", "application/json;q=0"])
def test_the_answer_is_json_whatever_the_client_would_accept(api, accept):
    assert api("quality").get("/suppliers", HTTP_ACCEPT=accept)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "application/json"}, 201),
        ({"content_type": "Application/JSON; charset=utf-8"}, 201),
        ({"content_type": "application/json", "HTTP_CONTENT_ENCODING": "identity"}, 201),
        ({"content_type": "application/json", "HTTP_CONTENT_ENCODING": "gzip"}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/merge-patch+json"}, 415),
    ],
)
def test_the_body_must_be_json_as_it_is(api, headers, status):
    answer = api("procurement").generic("POST", "/suppliers", '{"name": "Hansa Forge GmbH"}', **headers)

    assert answer.status_code == status
