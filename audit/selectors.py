"""The trail seen from outside."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django.db.models import QuerySet, Value
from django.db.models.functions import Now

from audit.models import AuditEntry, SealingTurn
from qhse.queries import CountUpTo, Given, WrittenQuery

_closed = WrittenQuery(
    lambda: SealingTurn.objects.filter(counted_until__lte=Now()).order_by().values_list("counted", "counted_until")
)
_since = WrittenQuery(lambda: _dated_since().order_by().values_list(Value(1)))


def _dated_since() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(created_at__gte=Given("moment", AuditEntry._meta.get_field("created_at")))


def entries_total(*, using: str = "default") -> int:
    """Return how many entries there are, exactly. Only those that the sealers have not counted yet are counted."""
    closed = closed_count(using=using)
    if closed is None:
        return AuditEntry.objects.using(using).count()
    counted, moment = closed
    return counted + _since.count(using=using, moment=moment)


def closed_count(*, using: str = "default") -> tuple[int, datetime] | None:
    """
    Return how many entries the sealers have counted, and the moment before which they are dated.

    No more will come to those. None: nothing is counted yet, or the clock was ahead when it was.
    """
    row = _closed.first(using=using)
    return None if row is None else (int(row[0]), row[1])


@cache
def count_since(most: int | None) -> CountUpTo:
    """Return what counts the entries since a given `moment`, up to so many. With None it counts all that there are."""
    return CountUpTo(AuditEntry.objects.all) if most is None else CountUpTo(_dated_since, most)
