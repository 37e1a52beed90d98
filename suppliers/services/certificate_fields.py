"""What may stand in a certificate: read as it is stored, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from qhse import clock
from qhse.text import LineRefused, one_line, plain
from suppliers.choices import VerifyMethod
from suppliers.errors import CertificateIsInvalid, ReasonIsMissing
from suppliers.models.certificate import MAX_EDITION, MAX_NAME, MAX_NUMBER, MAX_REFERENCE
from suppliers.standards import Standard

FIRST_DAY, LAST_DAY = date(1980, 1, 1), date(2199, 12, 31)
MAX_TEXT = 2000

_LINES = {
    "edition": ("edition", MAX_EDITION),
    "number": ("number", MAX_NUMBER),
    "issuer": ("issuer", MAX_NAME),
    "accreditation_body": ("accreditation body", MAX_NAME),
    "verify_ref": ("reference", MAX_REFERENCE),
}
_TEXTS = ("scope", "sites")
_CHOICES: Mapping[str, Any] = {"standard": Standard, "verify_method": VerifyMethod}
NEEDED = frozenset({"standard", "number", "issuer", "valid_from", "valid_to"})


def read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a certificate as they are stored. Raises CertificateIsInvalid."""
    return {name: _read(name, value) for name, value in values.items()}


def _read(name: str, value: Any) -> Any:
    if name in _CHOICES:
        return _choice(name, value)
    if name in _LINES:
        return _line(name, value)
    if name in _TEXTS:
        return _text(name, value)
    if value is None and name in NEEDED:
        raise CertificateIsInvalid(f"A certificate has a {_called(name)}.", field=name)
    if isinstance(value, date):
        _day(name, value)
    return value


def _choice(name: str, value: Any) -> str:
    known = _CHOICES[name].values
    if str(value) not in known:
        raise CertificateIsInvalid(f"The {_called(name)} must be one of {', '.join(known)}.", field=_input(name))
    return str(value)


def _line(name: str, value: Any) -> str:
    called, most = _LINES[name]
    try:
        text = one_line(str(value or ""), called=called)
    except LineRefused as refusal:
        raise CertificateIsInvalid(str(refusal), field=_input(name)) from None
    if not int(name in NEEDED) <= len(text) <= most:
        least = "1 to" if name in NEEDED else "at most"
        raise CertificateIsInvalid(f"The {called} must have {least} {most} characters.", field=_input(name))
    return text


def _text(name: str, value: Any) -> str:
    text = plain(str(value or ""))
    if len(text) > MAX_TEXT:
        raise CertificateIsInvalid(f"The {_called(name)} must have at most {MAX_TEXT} characters.", field=name)
    return text


def _day(name: str, value: date) -> None:
    # East of Greenwich it is tomorrow already.
    last = clock.today() + timedelta(days=1) if name == "last_surveillance_on" else LAST_DAY
    if not FIRST_DAY <= value <= last:
        raise CertificateIsInvalid(f"{value} is not plausible; it must be from {FIRST_DAY} to {last}.", field=name)


def _called(name: str) -> str:
    return {"valid_from": "first valid day", "valid_to": "last valid day"}.get(name, _input(name).replace("_", " "))


def _input(name: str) -> str:
    """Return by which name a value is sent."""
    return name.removeprefix("verify_")


def demand_period(valid_from: date, valid_to: date) -> None:
    """Raise CertificateIsInvalid unless a certificate ends after it begins."""
    if valid_to <= valid_from:
        raise CertificateIsInvalid(
            f"The last day, {valid_to}, must be after the first, {valid_from}.", field="valid_to"
        )


def demanded(reason: str, *, to: str) -> str:
    """Return the reason that a change asks for, as it is stored. Raises ReasonIsMissing."""
    reason = plain(reason)
    if not 1 <= len(reason) <= MAX_TEXT:
        raise ReasonIsMissing(f"A reason of 1 to {MAX_TEXT} characters is needed {to}.", field="reason")
    return reason
