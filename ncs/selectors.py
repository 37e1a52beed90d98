"""Which NCs a search means, and how many there are, by the counts that the services keep on each supplier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db.models import BigIntegerField, F, Q, Subquery, Sum, Value
from django.db.models.expressions import Combinable

from ncs.choices import NcStatus
from ncs.numbers import numbers_in
from qhse.queries import Given
from qhse.searches import found_in
from qhse.searching import words_of
from suppliers.choices import Severity
from suppliers.models import Supplier

_OPEN, _HIGH, _MEDIUM = F("nc_open"), F("nc_open_high"), F("nc_open_medium")
_ALL = F("nc_total") + F("nc_void")
_COUNTED_BY = frozenset({"status", "severity", "supplier_id"})
_KEPT: dict[tuple[str | None, str | None], Combinable] = {
    (None, None): _ALL,
    (NcStatus.OPEN, None): _OPEN,
    (NcStatus.CLOSED, None): _ALL - _OPEN,
    (NcStatus.OPEN, Severity.HIGH): _HIGH,
    (NcStatus.OPEN, Severity.MEDIUM): _MEDIUM,
    (NcStatus.OPEN, Severity.LOW): _OPEN - _HIGH - _MEDIUM,
}


def meant_by(term: str) -> Q:
    """
    Return which NCs a search means: those of its numbers, or all whose description or supplier's name has its words.

    Suppliers are looked up first. A condition on their names within this one would make the database read every NC.
    """
    ids, certain = numbers_in(term)
    numbered, worded = Q(pk__in=ids), Q()
    if certain:
        return numbered
    for word in words_of(term):
        suppliers = list(Supplier.objects.called(word).values_list("pk", flat=True))
        worded &= found_in(word, keys=("search_key",)) | Q(supplier_id__in=suppliers)
    return numbered | worded if ids else worded


def kept_count(chosen: Mapping[str, Any]) -> Subquery | None:
    """
    Return what reads how many NCs have these values, exactly: of all, those recorded by mistake are among the closed.

    None if no counts are kept of them: closed ones by severity. It is null where there is no supplier. A `supplier_id`
    must be given to it.

    The cost grows with the suppliers, and not with the NCs.
    """
    state = chosen.get("status"), chosen.get("severity")
    return _sum(*state, of_one="supplier_id" in chosen) if set(chosen) <= _COUNTED_BY and state in _KEPT else None


@cache
def _sum(status: str | None, severity: str | None, *, of_one: bool) -> Subquery:
    suppliers = Supplier.objects.order_by()
    if of_one:
        suppliers = suppliers.filter(pk=Given("supplier_id", Supplier._meta.get_field("id")))
    kept = suppliers.values(all=Value(1)).annotate(number=Sum(_KEPT[status, severity]))
    return Subquery(kept.values("number"), output_field=BigIntegerField())
