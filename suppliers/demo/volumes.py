"""What the cast delivered in eighteen months. Some months are not known, and some suppliers deliver little."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

from audit.services import record
from qhse.accounts.models import User
from suppliers.demo.cast import Part
from suppliers.models import SupplierVolume
from suppliers.services import set_volume

MONTHS = 18
NOTED_DAY = 4  # of the next month
_LOT = 1_500


def deliver(part: Part, supplier_id: int, *, known: datetime, now: datetime, buyer: User) -> None:
    """Set the figures of each month that is over, as the plant's list of goods received has them."""
    if part.deliveries is None:
        return
    rng = random.Random(part.name)
    rows = []
    for ago in range(MONTHS - 1, -1, -1):
        month = _month(now.date(), ago + 1)
        received, defective = _pieces(part, ago, rng)
        lots = max(1, round(received / _LOT)) if received else 0
        rejected = min(lots, round(defective / 25)) if defective else 0
        late = sum(rng.random() < 0.04 for _ in range(lots))
        if ago in part.deliveries.unknown:
            continue
        rows.append(set_volume(
            supplier_id=supplier_id, month=month, received_qty=received, defective_qty=defective, received_lots=lots,
            rejected_lots=rejected, late_lots=late, source=f"goods-received-{part.plant.prefix.lower()}.csv",
            actor=buyer,
        ))  # fmt: skip
    for row in rows:
        noted = datetime.combine(_following(row.month), time(6, 30), UTC) + timedelta(days=NOTED_DAY - 1)
        SupplierVolume.objects.filter(pk=row.pk).update(updated_at=min(noted, now))
    record(
        actor=None, action="DEMO_DATED_BACK", entity_type="supplier", entity_id=supplier_id, changes={},
        reason=f"demo data: {len(rows)} months of deliveries, each noted on day {NOTED_DAY} of the next month",
    )  # fmt: skip


def _pieces(part: Part, ago: int, rng: random.Random) -> tuple[int, int]:
    """Return pieces received and defective. Their share moves evenly from then to now, with some noise."""
    assert part.deliveries is not None
    received = round(part.deliveries.pieces * rng.uniform(0.75, 1.25))
    past = ago / (MONTHS - 1)
    share = part.deliveries.then * past + part.deliveries.now * (1 - past)
    return received, min(received, round(received * share * rng.uniform(0.8, 1.2) / 1_000_000))


def _month(today: date, ago: int) -> date:
    number = today.year * 12 + today.month - 1 - ago
    return date(number // 12, number % 12 + 1, 1)


def _following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
