"""What may stand in the fields of a supplier: read as it is stored, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from qhse.text import LineRefused, one_line, plain
from suppliers.choices import Criticality, SupplierCategory
from suppliers.countries import COUNTRIES
from suppliers.errors import CertificationExpiryIsImplausible, DetailIsInvalid, ReasonIsMissing, SupplierNameIsInvalid
from suppliers.models.supplier import MAX_CONTACT, MAX_EMAIL, MAX_REFERENCE
from suppliers.names import NameRefused, normalise_name
from suppliers.standards import Standard

EARLIEST_EXPIRY = date(1980, 1, 1)
LATEST_EXPIRY = date(2199, 12, 31)
MAX_REASON = 2000

DETAILS = (
    "external_ref", "country", "category", "criticality", "contact_name", "contact_email", "required_standards",
    "next_review_on",
)  # fmt: skip
"""What a supplier may say beside its name and the end of its certification."""


def named(name: str) -> str:
    """Return a name as it is stored. Raises SupplierNameIsInvalid."""
    try:
        return normalise_name(name)
    except NameRefused as refusal:
        raise SupplierNameIsInvalid(str(refusal), field="name") from None


def certified_until(expiry: date | None) -> date | None:
    """Return a last valid day. Raises CertificationExpiryIsImplausible."""
    _demand_plausible(expiry, field="certification_expiry", called="end date")
    return expiry


def demanded(reason: str, *, to: str) -> str:
    """Return the reason that a change asks for, as it is stored. Raises ReasonIsMissing."""
    reason = plain(reason)
    if not 1 <= len(reason) <= MAX_REASON:
        raise ReasonIsMissing(f"A reason of 1 to {MAX_REASON} characters is needed {to}.", field="reason")
    return reason


def details(values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return details of a supplier as they are stored. Raises DetailIsInvalid, CertificationExpiryIsImplausible.

    None and the empty text mean that a value is not known, or not any more.
    """
    if unknown := sorted(set(values) - set(DETAILS)):
        raise DetailIsInvalid(f"{', '.join(unknown)}: no such detail of a supplier.", field=unknown[0])
    return {name: _READ[name](value) for name, value in values.items()}


def _line(name: str, called: str, most: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        try:
            text = one_line(str(value or ""), called=called)
        except LineRefused as refusal:
            raise DetailIsInvalid(str(refusal), field=name) from None
        if len(text) > most:
            raise DetailIsInvalid(f"The {called} must have at most {most} characters.", field=name)
        return text

    return read


def _country(value: Any) -> str:
    code = str(value or "").strip().upper()
    if code and code not in COUNTRIES:
        raise DetailIsInvalid("The country must be a code of ISO 3166-1 with two letters, such as DE.", field="country")
    return code


def _choice(name: str, known: Iterable[str]) -> Callable[[Any], str]:
    codes = list(known)

    def read(value: Any) -> str:
        text = str(value or "")
        if text not in codes:
            raise DetailIsInvalid(f"The {name} must be one of {', '.join(filter(None, codes))}.", field=name)
        return text

    return read


def _email(value: Any) -> str:
    text = _line("contact_email", "e-mail address", MAX_EMAIL)(value)
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise DetailIsInvalid("This is no e-mail address.", field="contact_email") from None
    return text


def _standards(value: Any) -> list[str]:
    codes = sorted({str(each) for each in value or ()})
    if unknown := set(codes) - set(Standard.values):
        raise DetailIsInvalid(
            f"{', '.join(sorted(unknown))}: a standard is one of {', '.join(Standard.values)}.",
            field="required_standards",
        )
    return codes


def _review_day(value: date | None) -> date | None:
    _demand_plausible(value, field="next_review_on", called="day of review")
    return value


def _demand_plausible(day: date | None, *, field: str, called: str) -> None:
    if day is not None and not EARLIEST_EXPIRY <= day <= LATEST_EXPIRY:
        raise CertificationExpiryIsImplausible(
            f"{day} is not a plausible {called}; it must be from {EARLIEST_EXPIRY} to {LATEST_EXPIRY}.", field=field
        )


_READ: dict[str, Callable[[Any], Any]] = {
    "external_ref": _line("external_ref", "external reference", MAX_REFERENCE),
    "country": _country,
    "category": _choice("category", ["", *SupplierCategory.values]),
    "criticality": _choice("criticality", Criticality.values),
    "contact_name": _line("contact_name", "name of the contact", MAX_CONTACT),
    "contact_email": _email,
    "required_standards": _standards,
    "next_review_on": _review_day,
}
