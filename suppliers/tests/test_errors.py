"""Each refusal has a code that clients may rely on, and the status that fits."""

from __future__ import annotations

import pytest

from suppliers import errors


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (errors.SupplierNotFound, 404, "supplier_not_found"),
        (errors.SupplierIsUnknown, 400, "unknown_supplier"),
        (errors.SupplierNameIsTaken, 400, "duplicate_name"),
        (errors.SupplierNameIsInvalid, 400, "invalid_name"),
        (errors.CertificationExpiryIsImplausible, 400, "implausible_date"),
        (errors.ExternalReferenceIsTaken, 400, "duplicate_reference"),
        (errors.DetailIsInvalid, 400, "invalid_detail"),
        (errors.ReasonIsMissing, 400, "reason_required"),
        (errors.SupplierIsMerged, 409, "supplier_is_merged"),
        (errors.StatusMoveIsForbidden, 409, "forbidden_move"),
        (errors.StatusIsNotEarned, 409, "status_not_earned"),
        (errors.MayNotDecideStatus, 403, "may_not_decide"),
        (errors.SupplierIsBusy, 409, "supplier_is_busy"),
    ],
)
def test_a_refusal_has_the_status_and_the_code_of_the_contract(refusal, status, code):
    assert (refusal.status, refusal.code) == (status, code)
