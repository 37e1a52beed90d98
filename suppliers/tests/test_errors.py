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
    ],
)
def test_a_refusal_has_the_status_and_the_code_of_the_contract(refusal, status, code):
    assert (refusal.status, refusal.code) == (status, code)
