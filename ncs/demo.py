"""
Realistic demo data: eighteen months of a company's life, made through the services, the same story at every run.

The services know no other time than the database's, and the trail keeps its own: an entry is never written into the
past. So all is recorded now, and the rows are then dated back. That is a change like others, with an entry for each
row that has the old and the new time. The histories say so, and the trail stays good. It is refused in production.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from audit.services import entry_for, record_all
from ncs.demo_case import Story, tell
from ncs.services import close_nonconformity, open_nonconformity
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from suppliers.choices import RENEWAL_NOTICE_DAYS, Severity
from suppliers.errors import SupplierNameIsTaken
from suppliers.models import Supplier
from suppliers.services import create_supplier, update_certification

DAYS = 548  # eighteen months
DAYS_TO_CLOSE = {Severity.HIGH: (3, 40), Severity.MEDIUM: (5, 75), Severity.LOW: (5, 120)}
OLDEST_OPEN_DAYS = 200
RECENT_DAYS = 60
RENEWED = 0.3  # of the suppliers whose certification is valid
SATURDAY = 5

_PLACES = (
    "Hansa", "Rhein", "Ticino", "Baltic", "Lombarda", "Alpine", "Meuse", "Douro", "Tatra", "Severn", "Jura",
    "Saxon", "Adria", "Nordsee", "Loire", "Moravia", "Ebro", "Tyne", "Scania", "Carpathian",
)  # fmt: skip
_TRADES = (
    "Forge", "Castings", "Fasteners", "Coatings", "Electronics", "Plastics", "Hydraulics", "Bearings", "Logistics",
    "Calibration", "Springs", "Gaskets", "Machining", "Cables", "Packaging",
)  # fmt: skip
_FORMS = ("GmbH", "S.p.A.", "Ltd", "SAS", "AB", "s.r.o.", "B.V.", "S.L.")
_FINDINGS = {
    Severity.HIGH: (
        ("dimension", "Lot {lot}: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm, {bad} of {all} parts"),
        ("material", "Lot {lot}: hydrogen embrittlement, {bad} bolts broke in the 48 h proof load test"),
        ("material", "Batch {lot}: material certificate states 42CrMo4, spectrometer finds C45"),
        ("documentation", "Delivery {lot}: brake hoses without the required burst pressure report"),
    ),
    Severity.MEDIUM: (
        ("surface", "Lot {lot}: zinc layer 5 µm instead of 8 µm on {bad} of {all} samples"),
        ("documentation", "Delivery {lot}: certificate of conformity names the wrong drawing revision"),
        ("function", "Lot {lot}: {bad} of {all} connectors with bent pins at incoming inspection"),
        ("delivery", "Delivery {lot}: 6 working days late, line stopped for one shift"),
    ),
    Severity.LOW: (
        ("labelling", "Delivery {lot}: labels without batch number on {bad} of {all} boxes"),
        ("packaging", "Delivery {lot}: packaging wet, parts dry and accepted"),
        ("surface", "Lot {lot}: burrs on a non-functional edge, {bad} of {all} parts"),
        ("documentation", "Delivery {lot}: delivery note missing, supplied on request"),
    ),
}
_DETECTED = ("incoming", "incoming", "incoming", "process", "final", "customer", "audit")
_CLOSURES = (
    "Lot sorted at the supplier's cost, 8D report accepted",
    "Replacement delivered and inspected, no findings",
    "Drawing revision corrected, certificate reissued",
    "Used as is, concession signed by design",
)


def ensure_demo_users() -> dict[Role, User]:
    """Return the four demo users. Creates those that are missing, with their names as passwords."""
    users = {}
    for role in Role:
        user = User.objects.named(role.value)
        users[role] = user or create_user(
            username=role.value, password=role.value, role=role, actor=None, is_staff=True
        )
    return users


def seed_suppliers(number: int, *, actor: User) -> Iterator[Supplier]:
    """Yield new suppliers: most certified for years, some expired or soon so, some without a date, some renewed."""
    rng = random.Random(9001)
    now = clock.present()
    made: list[Supplier] = []
    serial = 0
    while len(made) < number:
        serial += 1
        name = f"{rng.choice(_PLACES)} {rng.choice(_TRADES)} {rng.choice(_FORMS)}"
        if serial > 2 * number + 50:
            name = f"{name} {serial}"
        expiry = _expiry(rng, now.date())
        renewed = expiry is not None and expiry > now.date() and rng.random() < RENEWED
        former = expiry - timedelta(days=1096) if expiry and renewed else expiry
        try:
            supplier = create_supplier(name=name, certification_expiry=former, actor=actor)
        except SupplierNameIsTaken:
            continue
        if renewed:
            supplier = update_certification(
                supplier_id=supplier.pk, certification_expiry=expiry, actor=actor, reason="Recertification audit passed"
            )
        made.append(supplier)
        yield supplier
    first_known = [now - timedelta(days=rng.randint(DAYS + 10, 2 * DAYS)) for _ in made]
    date_back("supplier", [
        (supplier, {"created_at": time, "updated_at": time}) for supplier, time in zip(made, first_known, strict=True)
    ])  # fmt: skip


def _expiry(rng: random.Random, today: date) -> date | None:
    kind = rng.random()
    if kind < 0.08:
        return None
    if kind < 0.18:
        return today - timedelta(days=rng.randint(1, 200))
    if kind < 0.35:
        return today + timedelta(days=rng.randint(1, RENEWAL_NOTICE_DAYS))
    return today + timedelta(days=rng.randint(RENEWAL_NOTICE_DAYS + 1, 1095))


def seed_nonconformities(number: int, *, actor: User) -> Iterator[None]:
    """
    Open NCs over eighteen months, most of them at a few suppliers as in life, and close most.

    Of the suppliers some get better, some get worse, and most stay as they are. The ages of what is open reach from
    today to half a year.
    """
    rng = random.Random(10_2)
    now = clock.present()
    suppliers = list(Supplier.objects.order_by("pk").values_list("pk", flat=True))
    people = {"quality": actor, "admin": ensure_demo_users()[Role.ADMIN]}
    stories: list[Story] = []
    times = sorted(_working_time(rng, now) for _ in range(number))
    times[-1] = now - timedelta(hours=2)  # somebody is at work just now
    for opened in times:
        is_recent = (now - opened).days < RECENT_DAYS  # what is being worked on should be worth a look
        severity = rng.choices(tuple(Severity), weights=(2, 4, 5) if is_recent else (5, 4, 2))[0]
        nc = open_nonconformity(
            supplier_id=rng.choices(suppliers, weights=_weights(suppliers, (now - opened).days))[0],
            severity=severity.value,
            **_finding(rng, severity, opened),
            actor=actor,
        )
        closed = opened + timedelta(days=rng.uniform(*DAYS_TO_CLOSE[severity]))
        is_closed = closed < now and (rng.random() < 0.94 or (now - opened).days > OLDEST_OPEN_DAYS)
        story = Story(nc, opened, {"created_at": opened})
        share = 1.0 if is_closed else min(0.95, (now - opened) / (closed - opened))
        tell(story, until=closed if is_closed else now, share=share, rng=rng, people=people)
        if is_closed:
            story.nc = close_nonconformity(nc_id=nc.pk, actor=actor, reason=rng.choice(_CLOSURES))
            story.times["closed_at"] = closed
        stories.append(story)
        yield None
    for story in stories:
        story.nc.refresh_from_db()
    date_back("nonconformity", [(story.nc, story.times) for story in stories])
    date_back("action", [action for story in stories for action in story.actions])
    date_back("nonconformity", [file for story in stories for file in story.files])


def _finding(rng: random.Random, severity: Severity, found: datetime) -> dict[str, Any]:
    """Return what is recorded of a defect. Few parts, so that some come again."""
    all_parts, lot = rng.randint(20, 500), rng.randint(4000, 9999)
    bad = rng.randint(1, all_parts // 4)
    category, text = rng.choice(_FINDINGS[severity])
    counted = {"qty_received": all_parts, "qty_defective": bad} if "{bad}" in text else {}
    return {
        "description": text.format(lot=lot, bad=bad, all=all_parts),
        "category": category,
        "part_no": f"{rng.randint(4710, 4729)}-{rng.choice('AB')}",
        "lot_no": str(lot),
        "po_ref": f"45{rng.randint(10_000, 99_999)}",
        "detected_on": found.date(),
        "detected_at": rng.choice(_DETECTED),
        **counted,
    }


def _working_time(rng: random.Random, now: datetime) -> datetime:
    """Return a time of a working day, in the last eighteen months and not today."""
    time = now - timedelta(days=1 + (DAYS - 4) * rng.random() ** 1.2)
    if time.weekday() >= SATURDAY:
        time -= timedelta(days=2)
    return time.replace(hour=rng.randint(5, 16), minute=rng.randint(0, 59))


def _weights(suppliers: list[int], days_ago: int) -> list[float]:
    """Return how likely each supplier is to fail: every fifth gets worse with time, every fifth better."""
    past = days_ago / DAYS
    trends = {0: 2.5 - 2.4 * past, 1: 0.1 + 2.4 * past}
    return [trends.get(position % 5, 1.0) / (1 + position % 17) for position in range(len(suppliers))]


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
