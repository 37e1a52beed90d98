"""Dating demo rows back: a change like others, with an entry in the trail. Refused in production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from audit.services import entry_for, record_all

DAYS = 548  # eighteen months
FRIDAY = 4


@transaction.atomic
def date_back(kind: str, dated: Sequence[tuple[Any, Mapping[str, date]]]) -> None:
    """
    Give demo rows times in the past, each with an audit entry that says from when to when.

    Raises ImproperlyConfigured in production.
    """
    if settings.PRODUCTION:
        raise ImproperlyConfigured("nothing is dated back in production")
    entries = []
    for row, times in dated:
        changes = {name: (getattr(row, name), time) for name, time in times.items()}
        type(row)._default_manager.filter(pk=row.pk).update(**times)
        entries.append(entry_for(
            actor=None, action="DEMO_DATED_BACK", entity_type=kind, changes=changes,
            entity_id=getattr(row, "entity_id", row.pk),  # what happens to a file is told by its record
            reason="demo data: it was recorded today, and tells a story of the past",
        ))  # fmt: skip
    if entries:
        record_all(entries)


def working_day(moment: datetime) -> datetime:
    """Return the moment itself, or that of the Friday before a weekend."""
    return moment - timedelta(days=max(0, moment.weekday() - FRIDAY))
