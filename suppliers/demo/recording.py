"""Demo suppliers as they are recorded: those of the cast, then as many made-up ones as are asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from qhse import clock
from qhse.accounts.models import User
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.demo.cast import CAST, NUMBERS, OF_NAME, Part
from suppliers.demo.certificates import planned
from suppliers.demo.dating import DAYS, date_back, working_day
from suppliers.errors import SupplierNameIsTaken
from suppliers.models import Supplier
from suppliers.services import create_supplier

NEW_DAYS = 60  # a supplier that nobody has decided about, or was rejected, has been known for about so long

_PLACES = tuple(dict.fromkeys(part.name.split()[0] for part in CAST))
_TRADES = tuple(dict.fromkeys(part.name.split()[1] for part in CAST))
_FORMS = ("GmbH", "S.p.A.", "Ltd", "SAS", "AB", "s.r.o.", "B.V.", "S.L.")


def seed_suppliers(number: int, *, actor: User) -> Iterator[Supplier]:
    """Yield new suppliers, recorded before the eighteen months begin: first those of the cast, then made-up ones."""
    rng = random.Random(9001)
    now = clock.present()
    made: list[tuple[Supplier, Part | None]] = []
    for name, part in _candidates(rng, number):
        try:
            supplier = create_supplier(name=name, actor=actor, **_facts(part, rng, now.date()))
        except SupplierNameIsTaken:
            continue
        made.append((supplier, part))
        yield supplier
        if len(made) == number:
            break
    times = [_first_known(part, rng, now) for _, part in made]
    date_back("supplier", [
        (supplier, {"created_at": time, "updated_at": time}) for (supplier, _), time in zip(made, times, strict=True)
    ])  # fmt: skip


def _candidates(rng: random.Random, number: int) -> Iterator[tuple[str, Part | None]]:
    yield from OF_NAME.items()
    serial = 0
    while True:
        serial += 1
        name = f"{rng.choice(_PLACES)} {rng.choice(_TRADES)} {rng.choice(_FORMS)}"
        yield (name if serial <= 2 * number + 50 else f"{name} {serial}"), None


def _facts(part: Part | None, rng: random.Random, today: date) -> dict[str, Any]:
    if part is None:
        return {"certification_expiry": _expiry(rng, today)}
    # What no certificate proves yet is asked for later: otherwise nobody could have approved the supplier.
    required = part.required if part.status != "approved" else provable(part)
    domain = "-".join(part.name.lower().split()[:2])
    mail = part.contact.split()[0].lower().encode("ascii", "ignore").decode()
    declared = part.declared
    renewed = next((each for each in planned(part, today) if each.renews and each.standard == "iso_9001"), None)
    return {
        "certification_expiry": renewed.renews if renewed and declared else _day(today, declared),
        "external_ref": NUMBERS[part.name],
        "country": part.country,
        "category": part.category,
        "criticality": part.criticality,
        "contact_name": part.contact,
        "contact_email": f"{mail}@{domain}.example",
        "required_standards": list(required),
        "next_review_on": _day(today, part.review),
    }


def provable(part: Part) -> tuple[str, ...]:
    """Return the required standards that a verified certificate proves today, or did until it was withdrawn."""
    able = {each.standard for each in planned(part) if each.state in ("verified", "withdrawn") and each.ends_in >= 0}
    return tuple(standard for standard in part.required if standard in able)


def _day(today: date, days: int | None) -> date | None:
    return None if days is None else today + timedelta(days=days)


def _first_known(part: Part | None, rng: random.Random, now: datetime) -> datetime:
    days = rng.randint(DAYS + 60, 2 * DAYS)
    if part is not None and part.status in ("pending", "rejected"):
        days = NEW_DAYS + days % NEW_DAYS
    return working_day(now - timedelta(days=days)).replace(hour=8 + days % 8, minute=days % 60)


def _expiry(rng: random.Random, today: date) -> date | None:
    kind = rng.random()
    if kind < 0.08:
        return None
    if kind < 0.18:
        return today - timedelta(days=rng.randint(1, 200))
    if kind < 0.35:
        return today + timedelta(days=rng.randint(1, RENEWAL_NOTICE_DAYS))
    return today + timedelta(days=rng.randint(RENEWAL_NOTICE_DAYS + 1, 1095))
