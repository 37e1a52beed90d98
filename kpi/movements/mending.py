"""
What movements have added that were lost before belated ones were noted, which the sixth migration finds.

Their days had been summed when they came. So their days' movements say more than their sums.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

from django.db import connections, transaction

from kpi.measures import Measure
from kpi.models import BelatedSum, LateCase, SummedDay, SupplierTally
from kpi.movements.facts import facts_of, times_chosen
from kpi.movements.tallies import add_day

ROUND = 0
_KNOWN = (
    "m.day = %s AND NOT EXISTS (SELECT 1 FROM kpi_belatedmovement b WHERE b.of_table = '{table}' "
    "AND b.movement_id = m.id)"
)
_MEASURES = ", ".join(str(int(each)) for each in Measure)
_DIFFERENCE = (
    "INSERT INTO kpi_belatedsum (day, measure, of_day, key, word, n, round_no) "
    f"SELECT %s, d.measure, d.of_day, d.key, d.word, SUM(d.n), {ROUND} FROM ("
    f"SELECT f.measure, f.of_day, f.key, f.word, f.n FROM ({facts_of(_KNOWN)}) AS f UNION ALL "
    f"SELECT measure, of_day, key, word, -n FROM kpi_daysum WHERE measure IN ({_MEASURES}) AND day = %s UNION ALL "
    "SELECT measure, of_day, key, word, -n FROM kpi_belatedsum "
    f"WHERE round_no = {ROUND} AND day = %s AND measure <> {int(Measure.OPENED_SUPPLIER)}"
    ") AS d GROUP BY d.measure, d.of_day, d.key, d.word HAVING SUM(d.n) <> 0"  # nosec B608: only texts of ours
)
_SUPPLIERS = (
    "SELECT m.supplier_id, m.created_on, SUM(m.n) FROM kpi_casemovement m "
    f"WHERE {_KNOWN.replace('{table}', 'kpi_casemovement')} GROUP BY m.supplier_id, m.created_on"  # nosec B608: only texts of ours
)


def mend_summed_days(*, using: str) -> None:
    """Add what the movements of each summed day say more than its sums. Again, it finds nothing."""
    for day in list(SummedDay.objects.using(using).order_by("day").values_list("day", flat=True)):
        text = day.isoformat()
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(_DIFFERENCE, [text, *times_chosen([text]), text, text])
            if cursor.rowcount:
                _mend_suppliers(day, using)


def _mend_suppliers(day: date, using: str) -> None:
    missing: Counter[tuple[date, int]] = Counter()
    with connections[using].cursor() as cursor:
        cursor.execute(_SUPPLIERS, [day.isoformat()])
        for supplier, of_day, n in cursor.fetchall():
            missing[date.fromisoformat(str(of_day)), supplier] += int(n)
    counts: list[int] = []
    for stored in SupplierTally.objects.using(using).filter(day=day, is_total=False).values_list("counts", flat=True):
        add_day(counts, stored)
    missing.subtract({(day, supplier): n for supplier, n in enumerate(counts)})
    for of_day, supplier, n in LateCase.objects.using(using).filter(day=day).values_list("of_day", "supplier_id", "n"):
        missing[of_day, supplier] -= n
    mended = BelatedSum.objects.using(using).filter(day=day, measure=Measure.OPENED_SUPPLIER, round_no=ROUND)
    for of_day, supplier, n in mended.values_list("of_day", "key", "n"):
        missing[of_day, supplier] -= n
    rows = [
        BelatedSum(
            day=day, measure=Measure.OPENED_SUPPLIER, of_day=of_day, key=supplier, word="", n=n, round_no=ROUND
        )
        for (of_day, supplier), n in missing.items()
        if n
    ]  # fmt: skip
    BelatedSum.objects.using(using).bulk_create(rows)
