"""Volumes from tables: one supplier's month in each row."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any

from qhse import clock
from qhse.errors import DomainError
from qhse.exchange.registry import Column, Forecast, ImportKind, Outcome, Values, register
from qhse.exchange.values import month, whole
from suppliers.imports.naming import (
    SUPPLIER,
    doubt,
    lock_suppliers_meant,
    read_reference,
    supplier_of,
    suppliers_meant,
    whose,
)
from suppliers.models import SupplierVolume
from suppliers.permissions import VOLUME_ROLES
from suppliers.services import set_volume
from suppliers.services.volumes import FIGURES, check_figures, check_month

COLUMNS = (
    Column("supplier", "Supplier", read_reference, SUPPLIER, is_needed=True, example="SUP-00017"),
    Column(
        "month", "Month", month, ("period", "Monat", "Zeitraum", "Periode", "mese", "periodo", "mois", "période"),
        is_needed=True, is_day=True, example="2026-10",
    ),
    Column(
        "received_qty", "Pieces received", whole,
        ("received", "quantity received", "delivered", "quantity", "Liefermenge", "gelieferte Menge", "Wareneingang",
         "Menge", "Stück geliefert", "quantità ricevuta", "pezzi ricevuti", "quantità", "quantité reçue",
         "pièces reçues", "quantité"),
        is_needed=True, example="12000",
    ),
    Column(
        "defective_qty", "Pieces defective", whole,
        ("defective", "defects", "quantity defective", "rejected pieces", "fehlerhafte Menge", "Fehlteile",
         "Stück fehlerhaft", "Ausschuss", "quantità difettosa", "pezzi difettosi", "difettosi", "quantité défectueuse",
         "pièces défectueuses", "rebuts"),
        is_needed=True, example="9",
    ),
    Column(
        "received_lots", "Lots received", whole,
        ("lots", "deliveries", "Lose", "Lieferungen", "Anzahl Lieferungen", "lotti ricevuti", "lotti", "consegne",
         "lots reçus", "livraisons"),
        example="24",
    ),
    Column(
        "rejected_lots", "Lots rejected", whole,
        ("abgelehnte Lose", "gesperrte Lose", "lotti respinti", "lotti scartati", "lots refusés", "lots rejetés"),
        example="1",
    ),
    Column(
        "late_lots", "Lots late", whole,
        ("late deliveries", "verspätete Lose", "verspätete Lieferungen", "lotti in ritardo", "consegne in ritardo",
         "lots en retard", "livraisons en retard"),
        example="2",
    ),
)  # fmt: skip


def keys(rows: Sequence[Values]) -> list[Collection[Hashable]]:
    meant = suppliers_meant({values["supplier"] for values in rows})
    return [((whose(values["supplier"], meant), values["month"]),) for values in rows]


def foresee(rows: Sequence[Values]) -> list[Forecast]:
    meant = suppliers_meant({values["supplier"] for values in rows})
    known = set(
        SupplierVolume.objects.filter(
            supplier_id__in={each.pk for each in meant.values()}, month__in={values["month"] for values in rows}
        ).values_list("supplier_id", "month")
    )
    today = clock.today()

    def forecast(values: Values) -> Forecast:
        if (refusal := doubt(values["supplier"], meant)) is not None:
            return refusal
        try:
            check_month(values["month"], today=today)
            check_figures({name: values[name] for name in FIGURES if name in values})
        except DomainError as error:
            return error
        there = (meant[values["supplier"]].pk, values["month"]) in known
        return Outcome.CHANGED if there else Outcome.NEW

    return [forecast(values) for values in rows]


def write_row(values: Values, *, actor: Any, source: str, reason: str) -> Outcome:
    """Set a month. Lots that the row does not say stay."""
    told = {name: value for name, value in values.items() if name != "supplier"}
    volume = set_volume(supplier_id=supplier_of(values["supplier"]), **told, actor=actor, source=source, reason=reason)
    if vars(volume)["is_new"]:
        return Outcome.NEW
    return Outcome.CHANGED if vars(volume)["is_changed"] else Outcome.SAME


register(
    ImportKind(
        name="volumes",
        label="Volumes",
        table=VOLUME_ROLES,
        write="set_month",
        columns=COLUMNS,
        keys=keys,
        foresee=foresee,
        lock_rows=lock_suppliers_meant,
        write_row=write_row,
    )
)
