"""How long one person may show a supplier with another risk level than the computed one: pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

OVERRIDE_DAYS = 90


class Set(NamedTuple):
    """An override as it was set: on which day, until which one, by whom."""

    on: date
    until: date
    by_id: int


def last_day(earlier: Iterable[Set], *, by_id: int, today: date) -> date:
    """
    Return the last day that an override by this person may have. `earlier` are those of the supplier, newest first.

    OVERRIDE_DAYS from the day on which they began: with the newest ones that they have set one after another, renewals
    and new levels alike. So what one person may do for OVERRIDE_DAYS they cannot do for ever. They begin anew when
    somebody else has set one since, or when theirs is over for as many days.
    """
    began = today
    for each in earlier:
        if each.by_id != by_id or (began - each.until).days > OVERRIDE_DAYS:
            break
        began = each.on
    return began + timedelta(days=OVERRIDE_DAYS)
