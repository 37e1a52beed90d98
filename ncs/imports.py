"""Cases from tables: new ones are recorded, those of which the number is given are corrected."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db.models import Q

from ncs.choices import Category, DetectedAt, System
from ncs.errors import NonConformityIsClosed, NonConformityNotFound
from ncs.models import NonConformity
from ncs.models.nonconformity import MAX_REFERENCE
from ncs.permissions import NC_ROLES
from ncs.services import correct_nonconformity, open_nonconformity
from ncs.services.fields import MAX_DESCRIPTION, demand_agreement, described, details
from qhse.errors import DomainError
from qhse.exchange.registry import Column, Forecast, ImportKind, Outcome, Values, register
from qhse.exchange.values import CellRefused, day, one_of, prose, text, whole
from suppliers.choices import Severity
from suppliers.imports.naming import (
    SUPPLIER,
    doubt,
    lock_suppliers_meant,
    read_reference,
    supplier_of,
    suppliers_meant,
    whose,
)
from suppliers.services import locked_supplier

_NUMBER = re.compile(r"NC[- ]?([0-9]{4})[- ]?0*([1-9][0-9]{0,17})", re.ASCII | re.IGNORECASE)
_SEVERITIES = {
    Severity.LOW.value: ("Low", "minor", "niedrig", "gering", "leicht", "Nebenfehler", "bassa", "lieve", "faible",
                         "mineure"),
    Severity.MEDIUM.value: ("Medium", "major", "mittel", "Hauptfehler", "media", "moyenne", "majeure"),
    Severity.HIGH.value: ("High", "critical", "hoch", "kritisch", "schwer", "alta", "grave", "critica", "élevée",
                          "critique"),
}  # fmt: skip
_SYSTEMS = {
    System.QUALITY.value: ("Qualität", "qualità", "qualité"),
    System.ENVIRONMENT.value: ("Umwelt", "ambiente", "environnement"),
    System.SAFETY.value: ("Arbeitssicherheit", "Sicherheit", "sicurezza", "sécurité"),
}
_IDENTITY = ("detected_on", "part_no", "lot_no")
_DETAILS = ("severity", "system", "category", "detected_on", "detected_at", "part_no", "lot_no", "po_ref",
            "qty_received", "qty_defective", "due_on")  # fmt: skip


class Number(NamedTuple):
    """What a case's number says: NC-2026-00042. Another system's NC-2019-00042 is no case of ours."""

    year: int
    pk: int

    def __str__(self) -> str:
        return f"NC-{self.year}-{self.pk:05d}"

    def is_of(self, nc: NonConformity | None) -> bool:
        return nc is not None and nc.created_at.year == self.year


def read_number(cell: Any) -> Number:
    """Return what a case's number stands for: NC-2026-00042."""
    found = _NUMBER.fullmatch(text(cell, most=40))
    if found is None:
        raise CellRefused(f"Must be a number such as NC-2026-00042, not {str(cell)[:40]!r}.")
    return Number(int(found[1]), int(found[2]))


COLUMNS = (
    Column("number", "Number", read_number, ("NC number", "case", "NC-Nummer"), example="NC-2026-00042"),
    Column("supplier", "Supplier", read_reference, SUPPLIER, is_needed=True, example="SUP-00017"),
    Column(
        "severity", "Severity", one_of(_SEVERITIES),
        ("Schweregrad", "Schwere", "Fehlerklasse", "gravità", "gravité", "sévérité"), is_needed=True, example="high",
    ),
    Column(
        "description", "Description", partial(prose, most=MAX_DESCRIPTION),
        ("defect", "problem", "Beschreibung", "Fehlerbeschreibung", "Fehler", "descrizione", "difetto", "défaut"),
        is_needed=True, is_prose=True, example="Bore diameter 12.08 mm",
    ),
    Column("system", "System", one_of(_SYSTEMS), ("management system", "Managementsystem", "sistema", "système")),
    Column(
        "category", "Category", one_of({each.value: (each.label,) for each in Category}),
        ("defect type", "Kategorie", "Fehlerart", "categoria", "tipo difetto", "catégorie", "type de défaut"),
        example="dimension",
    ),
    Column(
        "detected_on", "Detected on", day,
        ("date", "detection date", "Datum", "festgestellt am", "entdeckt am", "data", "rilevato il", "détecté le"),
        is_day=True, example="2026-10-30",
    ),
    Column(
        "detected_at", "Detected at", one_of({each.value: (each.label,) for each in DetectedAt}),
        ("where", "festgestellt bei", "Fundort", "rilevato in", "lieu de détection"), example="incoming",
    ),
    Column(
        "part_no", "Part number", partial(text, most=MAX_REFERENCE),
        ("part", "part no", "item", "material number", "Teil", "Teilenummer", "Teile-Nr.", "Artikel", "Artikelnummer",
         "Materialnummer", "codice articolo", "articolo", "particolare", "référence article", "article", "pièce"),
        example="4711-A",
    ),
    Column(
        "lot_no", "Lot number", partial(text, most=MAX_REFERENCE),
        ("lot", "lot no", "batch", "Los", "Losnummer", "Charge", "Chargennummer", "lotto", "numero lotto",
         "numéro de lot"),
        example="L 2210",
    ),
    Column(
        "po_ref", "Order number", partial(text, most=MAX_REFERENCE),
        ("po", "purchase order", "order", "Bestellung", "Bestellnummer", "ordine", "numero ordine", "commande",
         "numéro de commande"),
    ),
    Column(
        "qty_received", "Pieces received", whole,
        ("quantity received", "quantity", "Liefermenge", "Menge", "quantità ricevuta", "quantità", "quantité reçue",
         "quantité"),
    ),
    Column(
        "qty_defective", "Pieces defective", whole,
        ("quantity defective", "defective", "fehlerhafte Menge", "Fehlteile", "quantità difettosa", "difettosi",
         "quantité défectueuse"),
    ),
    Column(
        "due_on", "Due on", day,
        ("due", "due date", "Termin", "fällig am", "scadenza", "échéance"), is_day=True,
    ),
)  # fmt: skip


def keys(rows: Sequence[Values]) -> list[Collection[Hashable]]:
    meant = suppliers_meant({values["supplier"] for values in rows})

    def of(values: Values) -> Hashable:
        if "number" in values:
            return "number", values["number"]
        return (whose(values["supplier"], meant), values["description"], *_identity(values).values())

    return [(of(values),) for values in rows]


def foresee(rows: Sequence[Values]) -> list[Forecast]:
    meant = suppliers_meant({values["supplier"] for values in rows})
    numbers = [values["number"].pk for values in rows if "number" in values]
    by_id = {nc.pk: nc for nc in NonConformity.objects.filter(pk__in=numbers).only("created_at")}
    alike = NonConformity.objects.filter(
        supplier_id__in={each.pk for each in meant.values()},
        description__in={values["description"] for values in rows if "number" not in values},
    ).values_list("supplier_id", "description", *_IDENTITY)
    known = set(alike)

    def forecast(values: Values) -> Forecast:
        if (refusal := doubt(values["supplier"], meant)) is not None:
            return refusal
        try:
            described(values["description"])
            details({name: values[name] for name in _DETAILS if name in values})
            demand_agreement(values.get("qty_received"), values.get("qty_defective"))
        except DomainError as error:
            return error
        if "number" in values:
            is_there = values["number"].is_of(by_id.get(values["number"].pk))
            return Outcome.CHANGED if is_there else _absent(values["number"])
        same = (meant[values["supplier"]].pk, values["description"], *_identity(values).values())
        return Outcome.CHANGED if same in known else Outcome.NEW

    return [forecast(values) for values in rows]


def write_row(values: Values, *, actor: Any, source: str, reason: str) -> Outcome:
    """
    Record a case, or correct the one whose number the row has.

    Without a number, a case is there already if supplier, description, day, part and lot are the same. It then stays as
    it is: others may have worked on it. Whether it is there is asked under its supplier's lock: of two imports of one
    file the second finds what the first has recorded.
    """
    told = {name: value for name, value in values.items() if name not in ("number", "supplier")}
    supplier_id = supplier_of(values["supplier"])
    if "number" in values:
        return _corrected(values["number"], {"supplier_id": supplier_id, **told}, actor, reason)
    locked_supplier(supplier_id)
    same = Q(supplier_id=supplier_id, description=values["description"], **_identity(values))
    if NonConformity.objects.filter(same).exists():
        return Outcome.SAME
    open_nonconformity(supplier_id=supplier_id, **told, actor=actor)
    return Outcome.NEW


def _corrected(number: Number, values: dict[str, Any], actor: Any, reason: str) -> Outcome:
    before = NonConformity.objects.filter(pk=number.pk).first()
    if before is None or not number.is_of(before):
        raise _absent(number)
    try:
        after = correct_nonconformity(nc_id=number.pk, values=values, actor=actor, reason=reason)
    except NonConformityIsClosed:
        if all(getattr(before, name) == value for name, value in values.items()):
            return Outcome.SAME
        raise
    return Outcome.SAME if after.version == before.version else Outcome.CHANGED


def _identity(values: Values) -> dict[str, Any]:
    return {"detected_on": values.get("detected_on"), **{name: values.get(name, "") for name in _IDENTITY[1:]}}


def _absent(number: Number) -> NonConformityNotFound:
    return NonConformityNotFound(f"There is no case with the number {number}.", field="number")


register(
    ImportKind(
        name="cases",
        label="Non-conformities",
        table=NC_ROLES,
        write="create",
        columns=COLUMNS,
        keys=keys,
        foresee=foresee,
        lock_rows=lock_suppliers_meant,
        write_row=write_row,
    )
)
