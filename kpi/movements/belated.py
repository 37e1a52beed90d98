"""
Movements whose day was summed already when they were noted. None is lost, whatever the clocks have said.

Sums that are stored never change. What belated movements add stands beside them, by the day of the movements: summed in
rounds, and until then read as it is.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from django.db import connection, connections, transaction

from kpi.measures import Measure
from kpi.models import BelatedMovement, BelatedRound
from kpi.movements import turns
from kpi.movements.facts import facts_of, times_chosen
from qhse.database import bound_transaction, take_turn


class Reach(NamedTuple):
    """How far what is summed reaches: the last day, and the last round of belated movements; all of one moment."""

    day: date | None
    round_no: int
    has_unsummed: bool
    has_sums: bool


_ROUND = "(SELECT COALESCE(MAX(number), 0) FROM kpi_belatedround)"
_REACH = (
    f"SELECT (SELECT MAX(day) FROM kpi_summedday), {_ROUND}, "
    f"EXISTS (SELECT 1 FROM kpi_belatedmovement WHERE round_no > {_ROUND}), EXISTS (SELECT 1 FROM kpi_belatedsum)"  # nosec B608: only texts of ours
)
UNSUMMED = "m.id IN (SELECT movement_id FROM kpi_belatedmovement WHERE round_no > %s AND of_table = '{table}')"
"""The condition on a movement that it is belated, and in no round until one."""
_OF_DAY = f"m.day = %s AND {UNSUMMED}"
_SUMS = (
    "INSERT INTO kpi_belatedsum (day, measure, of_day, key, word, n, round_no) "
    f"SELECT %s, f.measure, f.of_day, f.key, f.word, f.n, %s FROM ({facts_of(_OF_DAY)}) AS f"  # nosec B608: only texts of ours
)
_SUPPLIERS = (
    "INSERT INTO kpi_belatedsum (day, measure, of_day, key, word, n, round_no) "
    f"SELECT %s, {int(Measure.OPENED_SUPPLIER)}, m.created_on, m.supplier_id, '', SUM(m.n), %s FROM kpi_casemovement m "
    f"WHERE {_OF_DAY.replace('{table}', 'kpi_casemovement')} GROUP BY m.created_on, m.supplier_id HAVING SUM(m.n) <> 0"  # nosec B608: only texts of ours
)


def reach(*, using: str = "default") -> Reach:
    with connections[using].cursor() as cursor:
        cursor.execute(_REACH)
        day, round_no, has_unsummed, has_sums = cursor.fetchone()
    return Reach(date.fromisoformat(day) if isinstance(day, str) else day, round_no, bool(has_unsummed), bool(has_sums))


@transaction.atomic
def sum_belated() -> bool:
    """
    Store what belated movements add, as one round. False if there are none, or if one is noted at this moment.

    A reader counts a round by its sums once it has seen that there is the round, and by its movements before. No
    movement comes to a round that is summed: who notes one shares a lock, and looks for the last round only then.
    """
    bound_transaction(lock=1, statement=8)
    if not take_turn(turns.SUMMING):
        return False
    known = reach()
    if not known.has_unsummed or not take_turn(turns.BELATED):
        return False
    number = known.round_no + 1
    days = BelatedMovement.objects.filter(round_no=number).order_by("day").values_list("day", flat=True).distinct()
    with connection.cursor() as cursor:
        for day in days:
            chosen = [day.isoformat(), str(known.round_no)]
            cursor.execute(_SUMS, [chosen[0], number, *times_chosen(chosen)])
            cursor.execute(_SUPPLIERS, [chosen[0], number, *chosen])
    BelatedRound.objects.create(number=number)
    return True
