"""What the suppliers app refuses."""

from __future__ import annotations

from qhse.errors import InvalidInput, RecordNotFound


class SupplierNotFound(RecordNotFound):
    code = "supplier_not_found"


class SupplierIsUnknown(InvalidInput):
    """A request refers to a supplier that does not exist."""

    code = "unknown_supplier"


class SupplierNameIsTaken(InvalidInput):
    """Another supplier has this name, in any case or Unicode form."""

    code = "duplicate_name"


class SupplierNameIsInvalid(InvalidInput):
    code = "invalid_name"


class CertificationExpiryIsImplausible(InvalidInput):
    code = "implausible_date"
