"""The refusals of services, and the comparison of versions."""

from __future__ import annotations

import pytest

from qhse.errors import DomainError, InvalidInput, RecordHasChanged, RecordNotFound, demand_version


@pytest.mark.parametrize(
    ("refusal", "status"), [(DomainError, 409), (InvalidInput, 400), (RecordNotFound, 404), (RecordHasChanged, 412)]
)
def test_each_kind_has_its_status_and_keeps_what_is_wrong(refusal, status):
    error = refusal("There is one already.", field="name")

    assert (error.status, error.detail, error.field, str(error)) == (
        status,
        error.detail,
        "name",
        "There is one already.",
    )


@pytest.mark.parametrize("expected", [None, {3}, {1, 3}])
def test_an_expected_version_is_accepted_and_none_expects_nothing(expected):
    demand_version(3, expected)


@pytest.mark.parametrize("expected", [set(), {2}, {1, 2, 4}])
def test_another_version_is_refused(expected):
    with pytest.raises(RecordHasChanged):
        demand_version(3, expected)
