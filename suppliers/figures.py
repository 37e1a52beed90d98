"""Gathers what the risk rule looks at, for many suppliers at once: by a query for each kind of row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

from django.conf import settings

from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.risk import CaseFigures, CertificateFigure, SupplierFigures, VolumeFigures
from suppliers.risk.weights import PPM_MONTHS

CaseProvider = Callable[[Collection[int], date], Mapping[int, CaseFigures]]
"""Returns the figures of cases by supplier, on a day in UTC. It may leave suppliers out that have none."""

_providers: list[CaseProvider] = []


def provides_case_figures(provider: CaseProvider) -> CaseProvider:
    """Register who knows about cases: an app above this one. There is one at most."""
    if _providers and _providers[0] is not provider:
        raise ValueError(f"figures of cases come from {_providers[0].__module__} already")
    _providers[:] = [provider]
    return provider


def figures_of(suppliers: Collection[Supplier], *, today: date) -> dict[int, SupplierFigures]:
    """
    Return the figures of these suppliers by id, as they stand in the database. `today` is a date in UTC.

    How many cases are open is taken from the rows in hand: who counts them holds the supplier's lock.
    """
    ids = [supplier.pk for supplier in suppliers]
    cases = _providers[0](ids, today) if _providers and ids else {}
    certificates, volumes = _certificates(ids), _volumes(ids, today)
    return {
        supplier.pk: SupplierFigures(
            certification_expiry=supplier.certification_expiry,
            nc_open=supplier.nc_open,
            nc_open_high=supplier.nc_open_high,
            nc_open_medium=supplier.nc_open_medium,
            cases=cases.get(supplier.pk, CaseFigures()),
            required=tuple(supplier.required_standards),
            certificates=tuple(certificates.get(supplier.pk, ())),
            volumes=volumes.get(supplier.pk, VolumeFigures()),
            ppm_target=settings.RISK_PPM_TARGET,
            supplier_id=supplier.pk,
        )
        for supplier in suppliers
    }


def months_before(today: date) -> list[date]:
    """Return the first days of the last full months, PPM_MONTHS of them, the newest first."""
    months = []
    year, month = today.year, today.month
    for _ in range(PPM_MONTHS):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        months.append(date(year, month, 1))
    return months


def _certificates(ids: list[int]) -> dict[int, list[CertificateFigure]]:
    found: dict[int, list[CertificateFigure]] = defaultdict(list)
    rows: Any = Certificate.objects.filter(supplier__in=ids).order_by("id")
    for supplier_id, *row in rows.values_list("supplier_id", "pk", "standard", "status", "valid_from", "valid_to"):
        found[supplier_id].append(CertificateFigure(*row))
    return found


def _volumes(ids: list[int], today: date) -> dict[int, VolumeFigures]:
    found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    rows: Any = SupplierVolume.objects.filter(supplier__in=ids, month__in=months_before(today)).order_by("id")
    for supplier_id, *row in rows.values_list("supplier_id", "pk", "received_qty", "defective_qty"):
        found[supplier_id].append(tuple(row))
    return {
        supplier_id: VolumeFigures(
            received=sum(received for _, received, _ in months),
            defective=sum(defective for _, _, defective in months),
            months=tuple(pk for pk, _, _ in months),
        )
        for supplier_id, months in found.items()
    }
