from __future__ import annotations

import pytest

from lab.fuzz.generated import ACCEPTANCE, Run, _note


def finished(method: str, status: int | None, *broken: str, uri: str = "/suppliers", is_linked: bool = False) -> dict:
    response = None if status is None else {"status_code": status}
    checks = [{"name": name, "status": "failure"} for name in broken]
    interaction = {"request": {"method": method, "uri": uri}, "response": response}
    recorder = {
        "interactions": {"1": interaction}, "checks": {"1": checks}, "cases": {"1": {"is_transition_applied": is_linked}},
    }  # fmt: skip
    return {"ScenarioFinished": {"recorder": recorder}}


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
        (finished("GET", 404, "ensure_resource_availability", uri="/attachments/7/preview"), 0, 1),
        (finished("GET", 404, "ensure_resource_availability", uri="/attachments/7"), 1, 0),
        (finished("POST", 201, "negative_data_rejection"), 1, 0),
        (finished("POST", 201, "negative_data_rejection", is_linked=True), 0, 1),
        (finished("POST", 201, "response_schema_conformance", is_linked=True), 1, 0),
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


def test_what_was_wrong_with_the_request_is_said():
    event = finished("POST", 201, "negative_data_rejection")
    check = event["ScenarioFinished"]["recorder"]["checks"]["1"][0]
    check["failure_info"] = {"failure": {"message": "Should be refused\nInvalid component: in body"}}
    found = Run("quality")

    _note(event, found)

    assert found.failures == [
        "POST /suppliers → 201: negative_data_rejection (Should be refused Invalid component: in body)"
    ]
