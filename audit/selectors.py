"""The trail seen from outside."""

from __future__ import annotations

from django.db.models import Value
from django.db.models.functions import Now

from audit.models import AuditEntry, SealingTurn
from qhse.queries import Given, WrittenQuery

_closed = WrittenQuery(
    lambda: SealingTurn.objects.filter(counted_until__lte=Now()).order_by().values_list("counted", "counted_until")
)
_since = WrittenQuery(
    lambda: (
        AuditEntry.objects.order_by()
        .filter(created_at__gte=Given("moment", AuditEntry._meta.get_field("created_at")))
        .values_list(Value(1))
    )
)


def entries_total(*, using: str = "default") -> int:
    """Return how many entries there are, exactly."""
    return entries_counted(using=using)[0]


def entries_counted(most: int | None = None, *, using: str = "default") -> tuple[int, bool]:
    """
    Return how many entries there are, and whether that is exact.

    The sealers have counted those dated before a moment, to which no more will come. So only those since then are
    counted, as a rule of the last minute; at `most` so many of them, and then there are more.
    """
    closed = _closed.first(using=using)
    if closed is None:  # nothing is closed yet, or the clock was ahead when it was
        return AuditEntry.objects.using(using).count(), True
    counted, moment = closed
    since = _since.count(None if most is None else most + 1, using=using, moment=moment)
    if most is None or since <= most:
        return int(counted) + since, True
    return int(counted) + most, False
