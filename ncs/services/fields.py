"""What may stand in the fields of a case: read as it is stored, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from ncs.choices import Category, Cause, DetectedAt, Disposition, System
from ncs.errors import DescriptionIsInvalid, DetailIsInvalid, OwnerIsUnknown, ReasonIsMissing
from ncs.models.nonconformity import MAX_REFERENCE
from ncs.services.people import may_own
from qhse import clock
from qhse.text import LineRefused, one_line, plain
from suppliers.choices import Severity

MAX_DESCRIPTION = 5000  # characters
MAX_TEXT = 2000
MAX_PIECES = 2_000_000_000
MAX_COST = Decimal("9999999999.99")
_CENT = Decimal("0.01")
FIRST_DAY, LAST_DAY = date(1980, 1, 1), date(2199, 12, 31)

_CHOICES: Mapping[str, Any] = {
    "severity": Severity,
    "system": System,
    "category": Category,
    "detected_at": DetectedAt,
    "cause_code": Cause,
    "disposition": Disposition,
}
_LINES = {"part_no": "part number", "lot_no": "lot number", "po_ref": "order number"}
_PIECES = ("qty_received", "qty_defective", "disposition_qty")
_DAYS = ("detected_on", "due_on", "customer_informed_on")
_PAST = ("detected_on", "customer_informed_on")
NEEDED = frozenset({"severity", "system"})


def described(text: str) -> str:
    """Return a description as it is stored. Raises DescriptionIsInvalid."""
    text = plain(text)
    if not 1 <= len(text) <= MAX_DESCRIPTION:
        raise DescriptionIsInvalid(f"The description must have 1 to {MAX_DESCRIPTION} characters.", field="description")
    return text


def said(text: str, *, field: str, called: str, most: int = MAX_TEXT) -> str:
    """Return a text that a step asks for, as it is stored. Raises DetailIsInvalid."""
    text = plain(text)
    if not 1 <= len(text) <= most:
        raise DetailIsInvalid(f"The {called} must have 1 to {most} characters.", field=field)
    return text


def demanded(reason: str, *, to: str) -> str:
    """Return the reason that a change asks for, as it is stored. Raises ReasonIsMissing."""
    reason = plain(reason)
    if not 1 <= len(reason) <= MAX_TEXT:
        raise ReasonIsMissing(f"A reason of 1 to {MAX_TEXT} characters is needed {to}.", field="reason")
    return reason


def details(values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return details of a case as they are stored. Raises DetailIsInvalid, OwnerIsUnknown.

    None and the empty text mean that a value is not known, or not any more.
    """
    return {name: _detail(name, value) for name, value in values.items()}


def _detail(name: str, value: Any) -> Any:
    if name in _CHOICES:
        return _choice(name, value)
    if name in _LINES:
        return _line(name, value)
    if value is None:
        return None
    if name in _PIECES and not 0 <= value <= MAX_PIECES:
        raise DetailIsInvalid(f"A number of pieces is from 0 to {MAX_PIECES:,}.", field=name)
    if name == "cost":
        if not 0 <= value <= MAX_COST:
            raise DetailIsInvalid(f"A cost is from 0 to {MAX_COST:,}.", field=name)
        return Decimal(value).quantize(_CENT) + 0  # as the database gives it back, which has no -0
    if name in _DAYS:
        _day(name, value)
    if name == "owner_id" and not may_own(value):
        raise OwnerIsUnknown(f"Nobody who works on cases has the number {value}.", field=name)
    return value


def _choice(name: str, value: Any) -> str:
    text = str(value or "")
    known = _CHOICES[name].values
    if text not in known and (text or name in NEEDED):
        raise DetailIsInvalid(f"The {name.replace('_', ' ')} must be one of {', '.join(known)}.", field=name)
    return text


def _line(name: str, value: Any) -> str:
    try:
        text = one_line(str(value or ""), called=_LINES[name])
    except LineRefused as refusal:
        raise DetailIsInvalid(str(refusal), field=name) from None
    if len(text) > MAX_REFERENCE:
        raise DetailIsInvalid(f"The {_LINES[name]} must have at most {MAX_REFERENCE} characters.", field=name)
    return text


def _day(name: str, value: date) -> None:
    last = clock.today() + timedelta(days=1) if name in _PAST else LAST_DAY  # east of Greenwich it is tomorrow already
    if not FIRST_DAY <= value <= last:
        raise DetailIsInvalid(f"{value} is not plausible; it must be from {FIRST_DAY} to {last}.", field=name)


def demand_agreement(qty_received: int | None, qty_defective: int | None) -> None:
    """Raise DetailIsInvalid if more pieces are defective than were received."""
    if qty_received is not None and qty_defective is not None and qty_defective > qty_received:
        raise DetailIsInvalid(
            f"{qty_defective:,} defective of {qty_received:,} received: correct one of them.", field="qty_defective"
        )


def due_by(severity: str, since: date) -> date:
    """Return when a case of this severity that was recorded on a day is due, by the setting."""
    return since + timedelta(days=settings.NC_DUE_DAYS[severity])
