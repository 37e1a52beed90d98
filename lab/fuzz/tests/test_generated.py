from __future__ import annotations

import pytest

from lab.fuzz.generated import ACCEPTANCE, Run, _note


def finished(method: str, status: int | None, *broken: str) -> dict:
    response = None if status is None else {"status_code": status}
    checks = [{"name": name, "status": "failure"} for name in broken]
    interaction = {"request": {"method": method, "uri": "/suppliers"}, "response": response}
    return {"ScenarioFinished": {"recorder": {"interactions": {"1": interaction}, "checks": {"1": checks}}}}


@pytest.mark.parametrize(
    ("event", "failures", "excused"),
    [
        (finished("GET", 200), 0, 0),
        (finished("GET", 200, "response_schema_conformance"), 1, 0),
        (finished("POST", 422, ACCEPTANCE), 0, 1),
        (finished("GET", 422, ACCEPTANCE), 1, 0),
        (finished("POST", 404, ACCEPTANCE), 1, 0),
        (finished("POST", 422, ACCEPTANCE, "status_code_conformance"), 1, 1),
        (finished("GET", 414, "status_code_conformance"), 0, 1),
        ({"SomethingElse": {}}, 0, 0),
    ],
)
def test_a_broken_check_is_a_failure_unless_the_document_cannot_express_the_rule(event, failures, excused):
    found = Run("quality")

    _note(event, found)

    assert (len(found.failures), found.excused) == (failures, excused)


def test_no_answer_at_all_counts_as_a_server_error():
    found = Run("quality")

    _note(finished("GET", None), found)

    assert found.server_errors == 1
