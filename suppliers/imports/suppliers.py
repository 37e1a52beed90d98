"""Suppliers from tables: new ones are recorded, those that are there are corrected."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

from django.db.models import Q

from qhse.errors import DomainError
from qhse.exchange.registry import Column, Forecast, ImportKind, Outcome, Values, register
from qhse.exchange.values import day, one_of, some_of, text
from suppliers.choices import Criticality, SupplierCategory
from suppliers.countries import COUNTRIES
from suppliers.errors import SupplierIsMerged, SupplierIsUnknown, SupplierNameIsInvalid, SupplierNameIsTaken
from suppliers.imports.naming import lock_suppliers, read_code, suppliers_like
from suppliers.models import Supplier
from suppliers.models.supplier import MAX_CONTACT, MAX_EMAIL, MAX_REFERENCE
from suppliers.names import MAX_LENGTH, name_key
from suppliers.permissions import SUPPLIER_ROLES
from suppliers.services import create_supplier, update_certification
from suppliers.services.correction import correct_supplier
from suppliers.services.fields import certified_until, details, named
from suppliers.standards import Standard

_COUNTRY_NAMES = {
    "AT": ("Österreich", "Autriche"), "BE": ("Belgien", "Belgio", "Belgique"),
    "CH": ("Schweiz", "Svizzera", "Suisse"), "CN": ("Cina", "Chine"),
    "CZ": ("Tschechien", "Repubblica Ceca", "Tchéquie"),
    "DE": ("Deutschland", "Germania", "Allemagne", "D"), "DK": ("Dänemark", "Danimarca", "Danemark"),
    "ES": ("Spanien", "Spagna", "Espagne", "E"), "FR": ("Frankreich", "Francia", "F"),
    "GB": ("Großbritannien", "Vereinigtes Königreich", "Regno Unito", "Royaume-Uni", "UK"),
    "HU": ("Ungarn", "Ungheria", "Hongrie"), "IN": ("Indien", "Inde"), "IT": ("Italien", "Italia", "Italie", "I"),
    "JP": ("Giappone", "Japon"),
    "NL": ("Niederlande", "Paesi Bassi", "Pays-Bas"), "PL": ("Polen", "Polonia", "Pologne"),
    "PT": ("Portogallo",), "RO": ("Rumänien", "Roumanie"), "SE": ("Schweden", "Svezia", "Suède"),
    "SI": ("Slowenien", "Slovénie"), "SK": ("Slowakei", "Slovacchia", "Slovaquie"),
    "TR": ("Türkei", "Turchia", "Turquie"),
    "US": ("USA", "Vereinigte Staaten", "Stati Uniti", "États-Unis"),
}  # fmt: skip
_CATEGORY_NAMES = {
    SupplierCategory.MATERIAL: ("Werkstoff", "Rohmaterial", "materiale", "matière", "matériau"),
    SupplierCategory.COMPONENT: ("Bauteil", "Komponente", "Zukaufteil", "componente", "composant"),
    SupplierCategory.SERVICE: ("Dienstleistung", "servizio", "prestation"),
    SupplierCategory.LOGISTICS: ("Logistik", "Spedition", "logistica", "trasporto", "logistique", "transport"),
    SupplierCategory.OUTSOURCED_PROCESS: ("Fremdfertigung", "verlängerte Werkbank", "conto lavoro", "sous-traitance"),
}
STANDARD_NAMES = {
    each.value: (each.label, each.label.replace("/", " "), each.label.replace("ISO ", "DIN EN ISO "))
    for each in Standard
}
_FIELDS = ("external_ref", "country", "category", "criticality", "contact_name", "contact_email",
           "required_standards", "next_review_on")  # fmt: skip

COLUMNS = (
    Column("code", "Code", read_code, ("supplier code", "QHSE code"), example="SUP-00017"),
    Column(
        "name", "Name", partial(text, most=5 * MAX_LENGTH),
        ("supplier", "supplier name", "company", "vendor", "Firma", "Firmenname", "Lieferant", "Lieferantenname",
         "Name 1", "fornitore", "nome", "ragione sociale", "denominazione", "fournisseur", "nom", "raison sociale"),
        example="Hansa Forge GmbH",
    ),
    Column(
        "external_ref", "External reference", partial(text, most=MAX_REFERENCE),
        ("reference", "external id", "ERP number", "vendor number", "supplier number", "Referenz", "Kreditor",
         "Kreditorennummer", "Kreditoren-Nr.", "Lieferantennummer", "Lieferanten-Nr.", "Lieferantennr",
         "codice fornitore", "codice esterno", "riferimento", "code fournisseur", "numéro fournisseur", "référence"),
        example="70012345",
    ),
    Column(
        "country", "Country",
        one_of(
            {code: (name, *_COUNTRY_NAMES.get(code, ())) for code, name in COUNTRIES.items()},
            called="a country: its code of two letters, such as DE, or its name",
        ),
        ("country code", "Land", "Ländercode", "Länderkennzeichen", "paese", "nazione", "pays", "code pays"),
        example="DE",
    ),
    Column(
        "category", "Category", one_of({each.value: (each.label, *_CATEGORY_NAMES[each]) for each in SupplierCategory}),
        ("type", "Kategorie", "Warengruppe", "Art", "categoria", "tipo", "catégorie"), example="material",
    ),
    Column(
        "criticality", "Criticality", one_of({each.value: (each.label,) for each in Criticality}),
        ("ABC", "class", "Kritikalität", "Klasse", "criticità", "classe", "criticité"), example="A",
    ),
    Column(
        "contact_name", "Contact", partial(text, most=MAX_CONTACT),
        ("contact name", "contact person", "Ansprechpartner", "Kontakt", "Kontaktperson", "referente", "contatto",
         "interlocuteur", "personne de contact"),
    ),
    Column(
        "contact_email", "E-mail", partial(text, most=MAX_EMAIL),
        ("email", "contact email", "mail", "E-Mail-Adresse", "posta elettronica", "courriel", "adresse e-mail"),
    ),
    Column(
        "certification_expiry", "Certified until", day,
        ("certification expiry", "certificate valid until", "valid until", "expiry date", "Zertifikat gültig bis",
         "zertifiziert bis", "gültig bis", "Ablaufdatum", "scadenza certificato", "scadenza", "certificato fino al",
         "valido fino al", "certifié jusqu'au", "valable jusqu'au", "date d'expiration", "échéance"),
        is_day=True, example="2029-06-30",
    ),
    Column(
        "required_standards", "Required standards", some_of(STANDARD_NAMES),
        ("standards", "required norms", "geforderte Normen", "Normen", "norme richieste", "norme", "normes exigées",
         "normes"),
        example="ISO 9001, ISO 14001",
    ),
    Column(
        "next_review_on", "Next review", day,
        ("next review on", "review due", "nächste Bewertung", "nächste Prüfung", "prossima revisione",
         "prossima valutazione", "prochaine évaluation", "prochaine revue"),
        is_day=True, example="2027-01-31",
    ),
)  # fmt: skip


def keys(rows: Sequence[Values]) -> list[Collection[Hashable]]:
    """Return what each row is about: the supplier that it means, and the code, reference and name that it has."""
    by_id, by_reference, by_key = _known(rows)

    def of(values: Values) -> Iterator[Hashable]:
        yield from ((name, values[name]) for name in ("code", "external_ref") if name in values)
        if "name" in values:
            yield "name", name_key(values["name"])
        try:
            row = _existing(values, by_id, by_reference, by_key)
        except DomainError:
            return  # said of the row when it is foreseen
        if row is not None:
            yield "code", row.pk

    return [tuple(of(values)) for values in rows]


def foresee(rows: Sequence[Values]) -> list[Forecast]:
    known = _known(rows)
    return [_forecast(values, *known) for values in rows]


def lock_rows(rows: Sequence[Values]) -> None:
    by_id, _, _ = _known(rows)
    lock_suppliers(by_id)


def _known(rows: Sequence[Values]) -> tuple[dict[int, Supplier], dict[str, Supplier], dict[str, Supplier]]:
    """Return the suppliers that rows may mean, by id, external reference and key of the name."""
    known = Supplier.objects.filter(
        Q(pk__in=[values["code"] for values in rows if "code" in values])
        | Q(external_ref__in=[values["external_ref"] for values in rows if "external_ref" in values])
        | Q(name_key__in=[name_key(values["name"]) for values in rows if "name" in values])
    ).only("pk", "name", "name_key", "external_ref", "merged_into")
    found = list(known)
    by_reference = {each.external_ref: each for each in found if each.external_ref}
    return {each.pk: each for each in found}, by_reference, {each.name_key: each for each in found}


def _forecast(
    values: Values, by_id: dict[int, Supplier], by_reference: dict[str, Supplier], by_key: dict[str, Supplier]
) -> Forecast:
    try:
        _check(values)
        row = _existing(values, by_id, by_reference, by_key)
    except DomainError as refusal:
        return refusal
    other = by_key.get(name_key(values["name"])) if "name" in values else None
    if row is not None and other is not None and other.pk != row.pk:
        return SupplierNameIsTaken(f"{other.code} has the name {other.name!r} already.", field="name", existing=other)
    return Outcome.NEW if row is None else Outcome.CHANGED


def _check(values: Values) -> None:
    if "name" in values:
        named(values["name"])
    certified_until(values.get("certification_expiry"))
    details({name: value for name, value in values.items() if name in _FIELDS})


def _existing(
    values: Values, by_id: dict[int, Supplier], by_reference: dict[str, Supplier], by_key: dict[str, Supplier]
) -> Supplier | None:
    """Return the supplier that a row means: by its code, else by its reference, else by its name."""
    row = by_id.get(values["code"]) if "code" in values else None
    if "code" in values and row is None:
        raise SupplierIsUnknown(f"There is no supplier SUP-{values['code']:05}.", field="code")
    if row is None and "external_ref" in values:
        row = by_reference.get(values["external_ref"])
    if row is None and "name" in values:
        row = by_key.get(name_key(values["name"]))
    if row is None and "name" not in values:
        raise SupplierNameIsInvalid("A new supplier needs a name.", field="name")
    if row is not None and row.merged_into_id is not None:
        raise SupplierIsMerged(f"{row.code} has been merged into another supplier. Name that one.", field="name")
    return row


def write_row(values: Values, *, actor: Any, source: str, reason: str) -> Outcome:
    """Record a supplier, or correct the one that is meant. What the row does not say stays."""
    found = suppliers_like(
        pk=values.get("code"),
        reference=values.get("external_ref"),
        key=name_key(values["name"]) if "name" in values else None,
    )
    row = _existing(
        values,
        {each.pk: each for each in found},
        {each.external_ref: each for each in found if each.external_ref},
        {each.name_key: each for each in found},
    )
    told = {name: value for name, value in values.items() if name != "code"}
    if row is None:
        create_supplier(**told, actor=actor)
        return Outcome.NEW
    if all(getattr(row, name) == value for name, value in told.items()):
        return Outcome.SAME  # as both services would find; most rows of a file that comes again
    expiry = told.pop("certification_expiry", None)
    after = correct_supplier(supplier_id=row.pk, values=told, actor=actor, reason=reason)
    if expiry is not None:
        after = update_certification(supplier_id=row.pk, certification_expiry=expiry, actor=actor, reason=reason)
    return Outcome.SAME if after.version == row.version else Outcome.CHANGED


register(
    ImportKind(
        name="suppliers",
        label="Suppliers",
        table=SUPPLIER_ROLES,
        write="create",
        columns=COLUMNS,
        needs_one_of=("name", "code", "external_ref"),
        keys=keys,
        foresee=foresee,
        lock_rows=lock_rows,
        write_row=write_row,
    )
)
