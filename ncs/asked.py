"""Days, numbers and ids as an address has them, for what is asked by GET: samples and dossiers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from ncs.errors import DossierIsInvalid, PeriodIsInvalid, SampleIsInvalid

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KEY = re.compile(r"[0-9]{1,18}", re.ASCII)


def day_in(query: Mapping[str, str], name: str) -> date:
    """Raises PeriodIsInvalid."""
    text = query.get(name, "").strip()
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise PeriodIsInvalid("Enter a day as YYYY-MM-DD, such as 2026-11-23.", field=name) from None


def number_in(query: Mapping[str, str], name: str, *, default: int) -> int:
    """Raises SampleIsInvalid."""
    text = query.get(name, str(default)).strip()
    if not _KEY.fullmatch(text):
        raise SampleIsInvalid("Enter a whole number.", field=name)
    return int(text)


def key_in(query: Mapping[str, str], name: str) -> int:
    """Raises DossierIsInvalid."""
    text = query.get(name, "").strip()
    if not _KEY.fullmatch(text):
        raise DossierIsInvalid("Enter a positive whole number.", field=name)
    return int(text)
