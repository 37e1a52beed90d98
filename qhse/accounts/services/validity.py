"""When a token is good, by the database's clock. For our own tokens and a provider's alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

_END = 253_402_300_800  # seconds; the calendar's: 10000-01-01


def untimed(*, require: list[str]) -> Any:
    """Return options by which the library leaves times alone. It would ask the clock of this host."""
    return {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": require}


def is_current(claims: Mapping[str, Any], now: datetime) -> bool:
    """
    Answer whether a token has begun and not ended. `exp` and `iat` are required, `nbf` may be there.

    TOKEN_LEEWAY covers clocks that disagree, at both ends. It revives nothing that was revoked.
    """
    issued, ends = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    begins = _seconds(claims["nbf"]) if "nbf" in claims else issued
    if issued is None or begins is None or ends is None:
        return False
    latest, earliest = now.timestamp() + settings.TOKEN_LEEWAY, now.timestamp() - settings.TOKEN_LEEWAY
    return issued <= latest and begins <= latest and ends > earliest


def _seconds(time: Any) -> float | None:
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    return time if is_number and 0 <= time < _END else None
