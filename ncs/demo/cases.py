"""
The cases of the demo: eighteen months of a company's life, made through the services, the same story at every run.

The services know no other time than the database's, and the trail keeps its own: an entry is never written into the
past. So all is recorded now, and the rows are then dated back. That is a change like others, with an entry for each
row that has the old and the new time. The histories say so, and the trail stays good. It is refused in production.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ncs.demo.case import Story, tell
from ncs.demo.defects import DEFECTS, Defect
from ncs.services import close_nonconformity, open_nonconformity
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from suppliers.choices import Severity
from suppliers.demo import DAYS, OF_NAME, Plant, date_back
from suppliers.models import Supplier

DAYS_TO_CLOSE = {Severity.HIGH: (3, 40), Severity.MEDIUM: (5, 75), Severity.LOW: (5, 120)}
OLDEST_OPEN_DAYS = 200
RECENT_DAYS = 60
CALM = 0.5  # a supplier that fails more seldom does nothing severe
SATURDAY = 5

_DETECTED = ("incoming", "incoming", "incoming", "process", "final", "customer", "audit")


class Fixed(NamedTuple):
    """A case that is there in each demo, so that each level of risk is. None days to close: it is open."""

    supplier: str
    severity: Severity
    days_ago: int
    to_close: int | None
    category: str
    part_no: str


_FIXED = (
    *(Fixed("Lombarda Castings S.p.A.", Severity.HIGH, ago, None, "material", "4802-A") for ago in (66, 51, 38)),
    *(Fixed("Lombarda Castings S.p.A.", Severity.HIGH, ago, 26, "dimension", "4802-A") for ago in (160, 110, 85)),
    Fixed("Lombarda Castings S.p.A.", Severity.MEDIUM, 78, 20, "surface", "4805-B"),
    *(Fixed("Ticino Hydraulics SA", Severity.HIGH, ago, None, "dimension", "4811-A") for ago in (72, 58, 44)),
    *(Fixed("Ticino Hydraulics SA", Severity.HIGH, ago, 30, "documentation", "4812-A") for ago in (190, 120, 90)),
    Fixed("Carpathian Forge S.A.", Severity.HIGH, 17, None, "material", "4820-B"),
    Fixed("Carpathian Forge S.A.", Severity.MEDIUM, 100, 30, "material", "4820-B"),
    *(Fixed("Rhein Coatings GmbH", Severity.HIGH, ago, None, "surface", "4836-A") for ago in (41, 25)),
    *(Fixed("Meuse Bearings N.V.", Severity.HIGH, ago, None, "function", "4829-B") for ago in (48, 33)),
    Fixed("Severn Hydraulics Ltd", Severity.HIGH, 8, None, "function", "4815-A"),
    Fixed("Severn Bearings Ltd", Severity.MEDIUM, 81, None, "function", "4840-A"),
    Fixed("Tatra Machining a.s.", Severity.MEDIUM, 12, None, "surface", "4831-A"),
    Fixed("Douro Castings S.A.", Severity.MEDIUM, 66, None, "material", "4808-A"),
    *(Fixed("Saxon Machining GmbH", Severity.MEDIUM, ago, None, "dimension", "4838-B") for ago in (41, 20)),
    Fixed("Lombarda Fasteners S.r.l.", Severity.MEDIUM, 33, None, "labelling", "4822-A"),
    Fixed("Loire Cables SAS", Severity.MEDIUM, 9, None, "documentation", "4833-A"),
    Fixed("Moravia Gaskets s.r.o.", Severity.LOW, 95, None, "packaging", "4827-B"),
    Fixed("Nordsee Cables GmbH", Severity.LOW, 50, None, "labelling", "4834-B"),
    Fixed("Rhein Electronics GmbH", Severity.LOW, 97, None, "labelling", "4835-A"),
    Fixed("Hansa Logistics GmbH", Severity.MEDIUM, 64, None, "delivery", "4841-A"),
    *(Fixed("Ebro Electronics S.L.", Severity.MEDIUM, ago, None, "function", "4847-A") for ago in (71, 35)),
    Fixed("Carpathian Cables S.R.L.", Severity.MEDIUM, 68, None, "material", "4848-A"),
    Fixed("Jura Calibration SARL", Severity.MEDIUM, 15, None, "documentation", "4842-A"),
    *(Fixed("Ticino Machining SA", Severity.MEDIUM, ago, None, "dimension", "4843-B") for ago in (52, 21)),
    *(Fixed("Loire Forge SAS", Severity.MEDIUM, ago, None, "material", "4844-A") for ago in (63, 29)),
    Fixed("Adria Packaging d.o.o.", Severity.LOW, 22, None, "packaging", "4845-A"),
    *(Fixed("Scania Bearings AB", Severity.LOW, ago, None, "packaging", "4846-A") for ago in (70, 11)),
    Fixed("Alpine Coatings AG", Severity.LOW, 30, None, "packaging", "4826-A"),
)
_FEWEST_BESIDE = 30
"""So many cases fall as they may, or there are no fixed ones: a small demo has no room for them."""


def ensure_demo_users() -> dict[Role, User]:
    """Return the four demo users. Creates those that are missing, with their names as passwords."""
    users = {}
    for role in Role:
        user = User.objects.named(role.value)
        users[role] = user or create_user(
            username=role.value, password=role.value, role=role, actor=None, is_staff=True
        )
    return users


def seed_nonconformities(number: int, *, actor: User) -> Iterator[None]:
    """
    Open NCs over eighteen months, most of them at a few suppliers as in life, and close most.

    Of the suppliers some get better, some get worse, and most stay as they are. The ages of what is open reach from
    today to half a year.
    """
    rng = random.Random(10_2)
    now = clock.present()
    suppliers = list(Supplier.objects.standing().order_by("pk").values_list("pk", "name"))
    people = {"quality": actor, "admin": ensure_demo_users()[Role.ADMIN]}
    stories: list[Story] = []
    for opened, fixed in _planned(number, {name for _, name in suppliers}, rng, now):
        story, closed = _open(opened, fixed, suppliers, rng, actor)
        if fixed is not None:
            is_closed = fixed.to_close is not None
        else:
            is_closed = closed < now and (rng.random() < 0.94 or (now - opened).days > OLDEST_OPEN_DAYS)
        share = 1.0 if is_closed else max(0.0, min(0.95, (now - opened) / (closed - opened)))
        tell(story, until=closed if is_closed else now, share=share, rng=rng, people=people)
        if is_closed:
            story.nc = close_nonconformity(nc_id=story.nc.pk, actor=actor, reason=story.defect.closed)
            story.times["closed_at"] = closed
        stories.append(story)
        yield None
    for story in stories:
        story.nc.refresh_from_db()
    date_back("nonconformity", [(story.nc, story.times) for story in stories])
    date_back("action", [action for story in stories for action in story.actions])
    date_back("nonconformity", [file for story in stories for file in story.files])


def _planned(number: int, names: set[str], rng: random.Random, now: datetime) -> list[tuple[datetime, Fixed | None]]:
    """Return when cases are opened, in that order, and which of them are fixed."""
    fixed = [each for each in _FIXED if each.supplier in names]
    if number < len(fixed) + _FEWEST_BESIDE:
        fixed = []
    times: list[tuple[datetime, Fixed | None]] = [(_working_time(rng, now), None) for _ in range(number - len(fixed))]
    times += [(_on_working_day(now - timedelta(days=each.days_ago), rng), each) for each in fixed]
    times.sort(key=lambda each: each[0])
    times[-1] = (now - timedelta(hours=2), None)  # somebody is at work just now
    return times


def _open(
    opened: datetime, fixed: Fixed | None, suppliers: list[tuple[int, str]], rng: random.Random, actor: User
) -> tuple[Story, datetime]:
    """Record a case. Return its story, and when it is closed if it is."""
    days_ago = (clock.present() - opened).days
    is_recent = days_ago < RECENT_DAYS  # what is being worked on should be worth a look
    severity = rng.choices(tuple(Severity), weights=(3, 5, 3) if is_recent else (5, 4, 2))[0]
    supplier_id, name = rng.choices(suppliers, weights=_weights(suppliers, days_ago))[0]
    part = OF_NAME.get(name)
    if severity == Severity.HIGH and part is not None and part.cases[1] < CALM:
        severity = Severity.MEDIUM
    days = rng.uniform(*DAYS_TO_CLOSE[severity])
    if fixed is not None:
        severity, part = fixed.severity, OF_NAME[fixed.supplier]
        supplier_id = next(pk for pk, each in suppliers if each == fixed.supplier)
        days = fixed.to_close or 2 * days_ago
    plant = part.plant if part else rng.choice(tuple(Plant))
    wanted = (fixed.category,) if fixed else tuple({each.category for each in DEFECTS})
    defect = rng.choice([each for each in DEFECTS if severity in each.severities and each.category in wanted])
    facts = _finding(rng, defect, opened, plant) | ({"part_no": fixed.part_no} if fixed else {})
    nc = open_nonconformity(supplier_id=supplier_id, severity=severity.value, **facts, actor=actor)
    return Story(nc, defect, opened, {"created_at": opened}), opened + timedelta(days=days)


def _finding(rng: random.Random, defect: Defect, found: datetime, plant: Plant) -> dict[str, Any]:
    """Return what is recorded of a defect. Few parts, so that some come again."""
    all_parts, lot = rng.randint(20, 500), rng.randint(4000, 9999)
    bad = rng.randint(1, all_parts // 4)
    counted = {"qty_received": all_parts, "qty_defective": bad} if "{bad}" in defect.found else {}
    return {
        "description": f"{defect.found.format(lot=lot, bad=bad, all=all_parts)}. Found at the {plant} plant",
        "category": defect.category,
        "part_no": f"{rng.randint(4710, 4729)}-{rng.choice('AB')}",
        "lot_no": str(lot),
        "po_ref": f"{plant.orders}{rng.randint(10_000, 99_999)}",
        "detected_on": found.date(),
        "detected_at": rng.choice(_DETECTED),
        **counted,
    }


def _working_time(rng: random.Random, now: datetime) -> datetime:
    """Return a time of a working day, in the last eighteen months and not today."""
    return _on_working_day(now - timedelta(days=1 + (DAYS - 4) * rng.random() ** 0.75), rng)


def _on_working_day(time: datetime, rng: random.Random) -> datetime:
    if time.weekday() >= SATURDAY:
        time -= timedelta(days=2)
    return time.replace(hour=rng.randint(5, 16), minute=rng.randint(0, 59))


def _weights(suppliers: list[tuple[int, str]], days_ago: int) -> list[float]:
    """Return how likely each supplier is to fail. Of those outside of the cast, every fifth gets worse or better."""
    past = days_ago / DAYS
    trends = {0: 2.5 - 2.4 * past, 1: 0.1 + 2.4 * past}
    weights = []
    for position, (_, name) in enumerate(suppliers):
        if part := OF_NAME.get(name):
            then, now = part.cases
            weights.append(max(0.0, then * past + now * (1 - past)))
        else:
            weights.append(trends.get(position % 5, 1.0) / (1 + position % 17))
    return weights if any(weights) else [1.0] * len(suppliers)
