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


def test_a_refusal_says_what_the_call_takes(api, make_supplier, problem_of):
    client = api("procurement")

    other_form = problem_of(client.generic("POST", "/suppliers", "<name/>", content_type="text/xml"), 415)
    other_method = problem_of(client.delete(f"/suppliers/{make_supplier().pk}"), 405)
    other_shape = problem_of(client.post("/suppliers", [1], format="json"), 400)

    assert other_form["detail"].endswith("Send application/json.")
    assert other_method["detail"] == "There is no DELETE here. There is GET, HEAD, PATCH."
    assert other_shape["errors"][0]["detail"] == "Must be a JSON object."
