"""What a supplier's certificates come to, kept on the supplier in the transactions that write them."""

from __future__ import annotations

from suppliers.coverage import coverage_of, proven_until
from suppliers.models import Certificate, Supplier
from suppliers.services.storing import differing


def recount(supplier: Supplier) -> None:
    """
    Keep `cert_*` of a locked supplier as its certificates are now, in the caller's transaction.

    Who writes a certificate, moves one, or changes the required standards calls it afterwards. Its version stays: it
    counts what people changed.
    """
    required = supplier.required_standards
    current = Certificate.objects.current().filter(supplier_id=supplier.pk).order_by()
    rows = list(current.values_list("standard", "status", "valid_to"))
    coverage = coverage_of(required, rows)
    values = {
        "cert_ends_on": coverage.ends_on,
        "cert_missing": coverage.missing,
        "cert_unverified": coverage.unverified,
        "cert_proven_until": proven_until(required, rows),
    }
    if differing(supplier, values):
        Supplier.objects.filter(pk=supplier.pk).update(**values)
        for name, value in values.items():
            setattr(supplier, name, value)
