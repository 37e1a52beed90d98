"""Each refusal has a code that clients may rely on, and the status that fits."""

from __future__ import annotations

import pytest

from ncs import errors


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (errors.NonConformityNotFound, 404, "nonconformity_not_found"),
        (errors.DescriptionIsInvalid, 400, "invalid_description"),
        (errors.NonConformityMoveIsForbidden, 409, "forbidden_move"),
        (errors.FormIsNotOffered, 406, "not_acceptable"),
        (errors.ReportCannotBeMade, 503, "report_unavailable"),
    ],
)
def test_a_refusal_has_the_status_and_the_code_of_the_contract(refusal, status, code):
    assert (refusal.status, refusal.code) == (status, code)
