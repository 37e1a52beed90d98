"""Sums the movements of days that are over, so that reading does not have to."""

from __future__ import annotations

import time
from datetime import date, timedelta

from django.db import connection, transaction
from django.db.models import Max, Min, Q

from kpi.measures import FIRST_FLOW, NO_DAY
from kpi.models import MOVEMENTS, LateCase, SummedDay, SupplierTally
from kpi.movements import turns
from kpi.movements.belated import sum_belated
from kpi.movements.facts import facts_of, times_chosen
from kpi.movements.tallies import add_day, add_total, packed_day, packed_total
from qhse import clock
from qhse.database import bound_transaction, take_turn

PIECE_SECONDS = 2.0
"""Time after which a piece begins no further day. A day of a thousand cases takes 20 ms."""

_DAY = (
    "INSERT INTO kpi_daysum (day, measure, of_day, key, word, n, is_late) "
    "SELECT %s, f.measure, f.of_day, f.key, f.word, f.n, "
    f"f.measure >= {FIRST_FLOW} AND f.of_day <> %s FROM ({facts_of('m.day = %s')}) AS f"  # nosec B608: only texts of ours
)
_MONTH = (
    "INSERT INTO kpi_monthsum (month, measure, of_day, key, word, n) "
    "SELECT %s, s.measure, s.of_day, s.key, s.word, SUM(s.n) FROM ("
    "SELECT measure, of_day, key, word, n FROM kpi_monthsum WHERE month = %s UNION ALL "
    f"SELECT measure, CASE WHEN measure >= {FIRST_FLOW} THEN '{NO_DAY}' ELSE of_day END, key, word, n "
    "FROM kpi_daysum WHERE day >= %s AND day <= %s AND NOT is_late) AS s "
    "GROUP BY s.measure, s.of_day, s.key, s.word HAVING SUM(s.n) <> 0"  # nosec B608: only texts of ours
)


_SUPPLIERS = (
    "SELECT supplier_id, created_on, SUM(n) FROM kpi_casemovement WHERE day = %s "
    "GROUP BY supplier_id, created_on HAVING SUM(n) <> 0"
)


def first_of(day: date) -> date:
    return day.replace(day=1)


def last_summed(*, using: str = "default") -> date | None:
    """Return the last day whose sums are stored."""
    last: date | None = SummedDay.objects.using(using).aggregate(last=Max("day"))["last"]
    return last


def sum_days() -> bool:
    """
    Sum days that are over, oldest first, for some seconds, and what is belated of those summed. True if days are left.
    """
    sum_belated()
    ends_at = time.monotonic() + PIECE_SECONDS
    while time.monotonic() < ends_at:
        if not sum_next_day():
            return False
    return True


@transaction.atomic
def sum_next_day() -> bool:
    """
    Store the sums of the oldest day that has none and is over. False if there is no such day.

    Sums and the note that the day is summed are stored together or not at all. One worker does so at a time. A day is
    over when all have ended who have noted a movement of it. Who notes one later, by a clock that is behind, waits for
    this transaction, and sees that the day is summed.
    """
    bound_transaction(lock=1, statement=8)
    if not take_turn(turns.SUMMING):
        return False
    today = clock.today()
    day = _next_day()
    if day is None or day >= today or not _all_have_ended(day):
        return False
    with connection.cursor() as cursor:
        text = day.isoformat()
        cursor.execute(_DAY, [text, text, *times_chosen([text])])
        following = day + timedelta(days=1)
        if following.day == 1:
            month = first_of(day).isoformat()
            cursor.execute(_MONTH, [following.isoformat(), month, month, text])
    _tally(day)
    SummedDay.objects.create(day=day)
    return True


def _all_have_ended(day: date) -> bool:
    """Answer whether nobody is left who notes a movement of the day, and keep others from it. Of the first, of any."""
    if last_summed() is None and not take_turn(turns.BELATED):
        return False
    return take_turn(turns.of_day(day))


def _tally(day: date) -> None:
    """Store the cases of a day by supplier, and at the end of a month those of all days before the next one."""
    with connection.cursor() as cursor:
        cursor.execute(_SUPPLIERS, [day.isoformat()])
        rows = [(supplier, str(of_day), int(n)) for supplier, of_day, n in cursor.fetchall()]
    of_day = {supplier: n for supplier, each, n in rows if each == day.isoformat()}
    late = [LateCase(day=day, of_day=each, supplier_id=pk, n=n) for pk, each, n in rows if each != day.isoformat()]
    LateCase.objects.bulk_create(late)
    SupplierTally.objects.create(day=day, is_total=False, counts=packed_day(of_day))
    following = day + timedelta(days=1)
    if following.day == 1:
        total: list[int] = []
        before = Q(day=first_of(day), is_total=True) | Q(day__gte=first_of(day), day__lte=day, is_total=False)
        for is_total, stored in SupplierTally.objects.filter(before).values_list("is_total", "counts"):
            (add_total if is_total else add_day)(total, stored)
        SupplierTally.objects.create(day=following, is_total=True, counts=packed_total(total))


def _next_day() -> date | None:
    last = last_summed()
    if last is not None:
        return last + timedelta(days=1)
    firsts = (model._default_manager.aggregate(first=Min("day"))["first"] for model in MOVEMENTS)
    return min((first for first in firsts if first is not None), default=None)
