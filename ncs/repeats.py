"""Which earlier cases a case repeats: the same supplier, and the same part or category, within a window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q

from ncs.choices import ClosureCode
from ncs.models import NonConformity
from qhse import clock

MOST_REPEATS = 10


class Repeats(NamedTuple):
    """The earlier cases, newest first, and what they have in common."""

    ids: list[int]
    rule: str


def repeats_of(
    *,
    supplier_id: int,
    category: str = "",
    part_no: str = "",
    before: int | None = None,
    recorded: datetime | None = None,
) -> Repeats:
    """
    Return the cases that one of this supplier repeats, ten at most.

    They were recorded within NC_REPEAT_DAYS days, with the same part or category. One that names neither repeats
    nothing, and one that was recorded by mistake is not repeated. With `before`, only those older than this case, which
    was `recorded` then.
    """
    rules = {"part": Q(part_no=part_no) if part_no else None, "category": Q(category=category) if category else None}
    asked = {name: rule for name, rule in rules.items() if rule is not None}
    if not asked:
        return Repeats([], "")
    same = Q(pk=None)
    for name, rule in asked.items():
        # Said again for the planner: of an index without empty values it must know that none is asked for.
        same |= rule & ~Q(**{"part_no" if name == "part" else "category": ""})
    found = NonConformity.objects.filter(
        same,
        supplier_id=supplier_id,
        created_at__gte=(recorded or clock.present()) - timedelta(days=settings.NC_REPEAT_DAYS),
    ).exclude(closure_code=ClosureCode.UNFOUNDED)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-id").values_list("pk", "part_no", "category")[:MOST_REPEATS])
    common = {
        "part": any(part == part_no for _, part, _ in rows),
        "category": any(each == category for _, _, each in rows),
    }
    return Repeats([pk for pk, _, _ in rows], ", ".join(name for name in asked if common[name]))
