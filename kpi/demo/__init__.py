"""The demo data as a whole: suppliers, cases, and what was concluded and counted of them. All of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from audit.models import AuditEntry
from kpi.demo.movements import retell_movements
from ncs.demo import ensure_demo_users, seed_nonconformities, seed_risk_history
from qhse.accounts.roles import Role
from suppliers.demo import CAST, People, seed_duplicate, seed_override, seed_standing, seed_suppliers
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers

Shown = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Shows how far the steps are, of which there are so many of such a kind."""


def is_seeded() -> bool:
    """Answer whether the demo data is there: nothing else is ever dated back."""
    return AuditEntry.objects.filter(action="DEMO_DATED_BACK").exists()


@transaction.atomic
def seed(*, suppliers: int, ncs: int, shown: Shown) -> tuple[int, int]:
    """
    Tell the story. Return how many suppliers and cases there are of it.

    One that is interrupted leaves nothing, so that it can be told again. Files may be left, which the worker removes.
    """
    users = ensure_demo_users()
    buyer, quality, admin = users[Role.PROCUREMENT], users[Role.QUALITY], users[Role.ADMIN]
    people = People(buyer=buyer, quality=quality, admin=admin)
    made = list(shown(seed_suppliers(suppliers, actor=buyer), suppliers, "supplier"))
    cast = min(suppliers, len(CAST))
    pasts = list(shown(seed_standing(made, people=people), cast, "supplier"))
    if suppliers >= len(CAST):
        seed_duplicate(people=people)
    opened = sum(1 for _ in shown(seed_nonconformities(ncs, actor=quality), ncs, "NC"))
    seed_risk_history(pasts)
    reassess_suppliers(supplier_ids=Supplier.objects.standing().values_list("pk", flat=True))
    seed_override(actor=quality)
    retell_movements(pasts)
    return len(made), opened
