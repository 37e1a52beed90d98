"""What a supplier's certificates come to, kept on the supplier in the transactions that write them."""

from __future__ import annotations

from qhse import clock
from suppliers.coverage import Current, kept_of
from suppliers.models import Certificate, Supplier
from suppliers.services.storing import differing


def recount(supplier: Supplier) -> None:
    """
    Keep `cert_*` of a locked supplier as its certificates are now, in the caller's transaction.

    Who writes a certificate, moves one, or changes the required standards calls it afterwards. What begins on a later
    day counts from the reassessment of that day on. Its version stays: it counts what people changed.
    """
    current = Certificate.objects.current().filter(supplier_id=supplier.pk).order_by()
    rows = [Current(*row) for row in current.values_list("standard", "status", "valid_from", "valid_to")]
    values = kept_of(supplier.required_standards, rows, today=clock.today())
    if differing(supplier, values):
        Supplier.objects.filter(pk=supplier.pk).update(**values)
        for name, value in values.items():
            setattr(supplier, name, value)
