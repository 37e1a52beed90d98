"""The problem document of RFC 9457."""

from __future__ import annotations

import json

from qhse.api.problems.document import problem
from qhse.observability import context


def test_names_the_request_and_what_a_program_switches_on():
    with context.use(request_id="gauge-7", source="api"):
        answer = problem(status=409, code="refused", detail="The gauge is sealed.", headers={"Retry-After": "2"})

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (409, "application/problem+json", "2")
    assert json.loads(answer.content) == {
        "type": "urn:qhse:problem:refused",
        "title": "Conflict",
        "status": 409,
        "detail": "The gauge is sealed.",
        "code": "refused",
        "request_id": "gauge-7",
    }


def test_lists_input_errors_only_where_there_are_some():
    errors = [{"field": "name", "code": "duplicate_name", "detail": "There is one already."}]

    answer = problem(status=400, code="invalid", title="Invalid input", detail="See `errors`.", errors=errors)

    document = json.loads(answer.content)
    assert (document["title"], document["errors"]) == ("Invalid input", errors)
