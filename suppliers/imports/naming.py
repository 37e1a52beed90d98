"""Which supplier a table means: by our code, by the reference of another system, or by its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from qhse.errors import DomainError
from qhse.exchange.values import CellRefused, text
from qhse.queries import Given, WrittenQuery, record_of
from suppliers.errors import SupplierIsMerged, SupplierIsUnknown
from suppliers.models import Supplier
from suppliers.models.supplier import MAX_REFERENCE
from suppliers.names import MAX_LENGTH, name_key

_CODE = re.compile(r"SUP[- ]?0*([1-9][0-9]{0,17})", re.ASCII | re.IGNORECASE)
SUPPLIER = (
    "supplier name", "vendor", "supplier code",
    "Lieferant", "Lieferantenname", "Kreditor", "Lieferantennummer", "Lieferanten-Nr.",
    "fornitore", "nome fornitore", "codice fornitore",
    "fournisseur", "nom du fournisseur", "code fournisseur",
)  # fmt: skip
"""How people head the column that says whose a row is."""


class Known(NamedTuple):
    """A supplier, as far as a row needs to know it."""

    pk: int
    code: str
    merged_into_id: int | None


def read_reference(cell: Any) -> str:
    """Return what names a supplier, as a line."""
    return text(cell, most=max(MAX_LENGTH, MAX_REFERENCE))


def read_code(cell: Any) -> int:
    """Return the id that a code stands for: SUP-00017."""
    found = _CODE.fullmatch(text(cell, most=40))
    if found is None:
        raise CellRefused(f"Must be a code such as SUP-00017, not {str(cell)[:40]!r}.")
    return int(found[1])


def suppliers_meant(references: Collection[str]) -> dict[str, Known]:
    """Return the suppliers that these texts name. A code comes before a reference, and that before a name."""
    codes = {each: int(found[1]) for each in references if (found := _CODE.fullmatch(each))}
    keys = {each: name_key(each) for each in references}
    rows = Supplier.objects.filter(
        Q(pk__in=set(codes.values())) | Q(external_ref__in=set(references)) | Q(name_key__in=set(keys.values()))
    ).only("pk", "external_ref", "name_key", "merged_into")
    by_id, by_reference, by_key = {}, {}, {}
    for row in rows:
        known = Known(row.pk, row.code, row.merged_into_id)
        by_id[row.pk], by_key[row.name_key] = known, known
        if row.external_ref:
            by_reference[row.external_ref] = known
    found_for = {
        each: by_id.get(codes.get(each, 0)) or by_reference.get(each) or by_key.get(keys[each]) for each in keys
    }
    return {each: known for each, known in found_for.items() if known is not None}


def whose(reference: str, meant: dict[str, Known]) -> int | str:
    """Return what two texts that name one supplier have in common: its id, else how its name is compared."""
    return meant[reference].pk if reference in meant else name_key(reference)


def suppliers_like(*, pk: int | None = None, reference: str | None = None, key: str | None = None) -> list[Supplier]:
    """Return the suppliers that have this id, this external reference or this key of a name."""
    rows = _like.rows(id=pk or 0, reference=reference or NO_TEXT, key=key or NO_TEXT)
    return [record_of(Supplier, _COLUMNS, row) for row in rows]


def supplier_of(reference: str) -> int:
    """Return the id of the supplier that a row means. Raises SupplierIsUnknown."""
    code = _CODE.fullmatch(reference)
    pk, key = int(code[1]) if code else 0, name_key(reference)
    found = suppliers_like(pk=pk, reference=reference, key=key)
    for fits in (
        lambda each: each.pk == pk,
        lambda each: each.external_ref == reference,
        lambda each: each.name_key == key,
    ):
        if (known := next(filter(fits, found), None)) is not None:
            return int(known.pk)
    raise unknown(reference)


def lock_suppliers_meant(rows: Sequence[Mapping[str, Any]]) -> None:
    """Lock the suppliers that these rows name under `supplier`, until the transaction ends."""
    lock_suppliers(known.pk for known in suppliers_meant({row["supplier"] for row in rows}).values())


def lock_suppliers(ids: Iterable[int]) -> None:
    """Lock these suppliers in the order of their ids, as workers and mergers do: so none of them can deadlock."""
    rows = Supplier.objects.filter(pk__in=set(ids)).order_by("pk").select_for_update(no_key=True, of=("self",))
    list(rows.values_list("pk"))


NO_TEXT = " "  # no reference and no key: both are trimmed
_COLUMNS = [field.attname for field in Supplier._meta.concrete_fields]
_FIELDS: list[Any] = [Supplier._meta.get_field(name) for name in ("id", "external_ref", "name_key")]
_like = WrittenQuery(
    lambda: Supplier.objects.filter(
        Q(pk=Given("id", _FIELDS[0]))
        | Q(external_ref=Given("reference", _FIELDS[1]))
        | Q(name_key=Given("key", _FIELDS[2]))
    ).values_list(*_COLUMNS)
)


def doubt(reference: str, meant: dict[str, Known]) -> DomainError | None:
    """Return why nothing can be written to the supplier of a row, or None."""
    known = meant.get(reference)
    if known is None:
        return unknown(reference)
    if known.merged_into_id is not None:
        return SupplierIsMerged(f"{known.code} has been merged into another supplier. Name that one.", field="supplier")
    return None


def unknown(reference: str) -> SupplierIsUnknown:
    return SupplierIsUnknown(
        f"There is no supplier called {reference[:80]!r}, by code, reference or name.", field="supplier"
    )
