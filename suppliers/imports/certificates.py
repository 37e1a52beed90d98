"""Certificates from tables: new ones are handed in, those that nobody has verified yet are corrected."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

from qhse.errors import DomainError
from qhse.exchange.registry import Column, Forecast, ImportKind, Outcome, Values, register
from qhse.exchange.values import as_text, day, one_of, prose, text
from suppliers.choices import CertificateStatus
from suppliers.errors import CertificateIsInvalid, CertificateMoveIsForbidden
from suppliers.imports.naming import (
    SUPPLIER,
    doubt,
    lock_suppliers_meant,
    read_reference,
    supplier_of,
    suppliers_meant,
    whose,
)
from suppliers.models import Certificate
from suppliers.models.certificate import MAX_EDITION, MAX_NAME, MAX_NUMBER
from suppliers.permissions import CERTIFICATE_ROLES
from suppliers.services import correct_certificate, submit_certificate
from suppliers.services.certificate_fields import MAX_TEXT, demand_period, read
from suppliers.services.storing import differing
from suppliers.standards import Standard

_WITH_EDITION = re.compile(r"(.+?)\s*[:/-]\s*([12][0-9]{3})", re.ASCII)
_STANDARD_NAMES = {
    each.value: (
        each.label, each.label.replace("ISO/IEC", "ISO"),
        *(each.label.replace("ISO ", f"{body} ISO ") for body in ("EN", "DIN EN", "UNI EN", "NF EN", "BS EN")),
        *(("EN 9100",) if each == Standard.AS_9100 else ()),
        *(("sonstige", "andere", "altro", "autre") if each == Standard.OTHER else ()),
    )
    for each in Standard
}  # fmt: skip
_known_standard = one_of(_STANDARD_NAMES)


def read_standard(cell: Any) -> tuple[str, str]:
    """Return a standard, and its edition if the cell says it too, as most do: ISO 9001:2015."""
    found = _WITH_EDITION.fullmatch(as_text(cell).strip())
    if found is None:
        return _known_standard(cell), ""
    return _known_standard(found[1]), found[2]


COLUMNS = (
    Column("supplier", "Supplier", read_reference, SUPPLIER, is_needed=True, example="SUP-00017"),
    Column(
        "standard", "Standard", read_standard,
        ("norm", "certified by", "Zertifikat nach", "Regelwerk", "norma", "norma di riferimento", "norme",
         "référentiel"),
        is_needed=True, example="ISO 9001:2015",
    ),
    Column(
        "edition", "Edition", partial(text, most=MAX_EDITION),
        ("version", "year of the standard", "Ausgabe", "Revision", "edizione", "édition"), example="2015",
    ),
    Column(
        "number", "Number", partial(text, most=MAX_NUMBER),
        ("certificate number", "certificate no.", "certificate", "Zertifikatsnummer", "Zertifikats-Nr.",
         "Zertifikat-Nr.",
         "Zertifikat", "numero certificato", "numero", "certificato", "n. certificato", "numéro de certificat",
         "numéro", "certificat", "n° certificat"),
        is_needed=True, example="QM-4711-23",
    ),
    Column(
        "issuer", "Issued by", partial(text, most=MAX_NAME),
        ("issuer", "certification body", "registrar", "Zertifizierer", "Zertifizierungsstelle", "Aussteller",
         "ausgestellt von", "ente", "ente di certificazione", "rilasciato da", "organisme",
         "organisme de certification", "organisme certificateur", "délivré par"),
        is_needed=True, example="Ticino Register",
    ),
    Column(
        "accreditation_body", "Accredited by", partial(text, most=MAX_NAME),
        ("accreditation", "accreditation body", "Akkreditierung", "Akkreditierungsstelle", "akkreditiert durch",
         "accreditamento", "ente di accreditamento", "accréditation", "organisme d'accréditation"),
    ),
    Column(
        "scope", "Scope", partial(prose, most=MAX_TEXT),
        ("scope of the certificate", "Geltungsbereich", "Anwendungsbereich", "campo di applicazione", "scopo",
         "domaine d'application", "périmètre"),
        is_prose=True,
    ),
    Column(
        "sites", "Sites", partial(prose, most=MAX_TEXT),
        ("site", "locations", "Standorte", "Standort", "Werke", "siti", "sedi", "sede", "sites certifiés"),
        is_prose=True,
    ),
    Column(
        "valid_from", "Valid from", day,
        ("issued on", "first day", "gültig ab", "gültig von", "ausgestellt am", "Ausstellungsdatum", "valido dal",
         "data di rilascio", "data di emissione", "valable du", "valable à partir du", "date de délivrance"),
        is_needed=True, is_day=True, example="2026-07-01",
    ),
    Column(
        "valid_to", "Valid to", day,
        ("valid until", "expiry date", "expires on", "last day", "gültig bis", "Ablaufdatum", "läuft ab am",
         "valido fino al", "scadenza", "data di scadenza", "valable jusqu'au", "date d'expiration", "échéance"),
        is_needed=True, is_day=True, example="2029-06-30",
    ),
    Column(
        "last_surveillance_on", "Last surveillance", day,
        ("last surveillance on", "last surveillance audit", "surveillance audit", "Überwachungsaudit",
         "letztes Überwachungsaudit", "letzte Überwachung", "audit di sorveglianza", "ultima sorveglianza",
         "audit de surveillance", "dernier audit de surveillance"),
        is_day=True, example="2026-06-15",
    ),
)  # fmt: skip


def keys(rows: Sequence[Values]) -> list[Collection[Hashable]]:
    meant = suppliers_meant({values["supplier"] for values in rows})
    return [
        ((whose(values["supplier"], meant), values["standard"][0], values["number"], values["valid_from"]),)
        for values in rows
    ]


def foresee(rows: Sequence[Values]) -> list[Forecast]:
    meant = suppliers_meant({values["supplier"] for values in rows})
    alike: dict[Hashable, list[Certificate]] = {}
    for each in Certificate.objects.filter(
        supplier_id__in={known.pk for known in meant.values()}, number__in={values["number"] for values in rows}
    ):
        alike.setdefault((each.supplier_id, *_identity(vars(each))), []).append(each)

    def forecast(values: Values) -> Forecast:
        if (refusal := doubt(values["supplier"], meant)) is not None:
            return refusal
        try:
            told = _told(values)
            there = _there(alike.get((meant[values["supplier"]].pk, *_identity(told)), ()), told)
        except DomainError as error:
            return error
        return Outcome.NEW if there is None else Outcome.CHANGED

    return [forecast(values) for values in rows]


def write_row(values: Values, *, actor: Any, source: str, reason: str) -> Outcome:
    """
    Hand a certificate in, or correct the one with its supplier, standard, number and first day.

    What somebody has decided about stays: a row that says something else of it is refused. A rejected one is handed in
    anew only if the row says something else than what was rejected; else each import of the same file would do it.
    """
    told, supplier_id = _told(values), supplier_of(values["supplier"])
    identity = dict(zip(_IDENTITY, _identity(told), strict=True))
    there = _there(Certificate.objects.filter(supplier_id=supplier_id, **identity), told)
    if there is None:
        submit_certificate(supplier_id=supplier_id, **told, actor=actor)
        return Outcome.NEW
    if not differing(there, told):
        return Outcome.SAME
    correct_certificate(certificate_id=there.pk, values=told, actor=actor, reason=reason)
    return Outcome.CHANGED


_IDENTITY = ("standard", "number", "valid_from")


def _identity(told: Values) -> tuple[Any, ...]:
    return tuple(told[name] for name in _IDENTITY)


def _told(values: Values) -> dict[str, Any]:
    """Return what a row says of a certificate, as it is stored. Raises CertificateIsInvalid."""
    standard, edition = values["standard"]
    told = {name: value for name, value in values.items() if name != "supplier"} | {"standard": standard}
    if edition and told.setdefault("edition", edition) != edition:
        raise CertificateIsInvalid(
            f"The standard has the edition {edition}, and the edition is {told['edition']}.", field="edition"
        )
    told = read(told)
    demand_period(told["valid_from"], told["valid_to"])
    return told


def _there(alike: Iterable[Certificate], told: dict[str, Any]) -> Certificate | None:
    """Return the certificate that a row is about. Raises CertificateMoveIsForbidden for what cannot be said of it."""
    found = sorted(alike, key=lambda each: each.pk)
    there = next((each for each in found if each.status != CertificateStatus.REJECTED), None)
    if there is None:
        return next((each for each in found if not differing(each, told)), None)
    if there.status != CertificateStatus.SUBMITTED and (other := differing(there, told)):
        name = next(iter(other))
        raise CertificateMoveIsForbidden(
            f"Certificate {there.pk} is {there.get_status_display().lower()}, so its {name.replace('_', ' ')} stays.",
            field=name,
        )
    return there


register(
    ImportKind(
        name="certificates",
        label="Certificates",
        table=CERTIFICATE_ROLES,
        write="create",
        columns=COLUMNS,
        keys=keys,
        foresee=foresee,
        lock_rows=lock_suppliers_meant,
        write_row=write_row,
    )
)
