"""Realistic demo data, made through the services, the same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from ncs.services import close_nonconformity, open_nonconformity
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from suppliers.choices import RENEWAL_NOTICE_DAYS, Severity
from suppliers.errors import SupplierNameIsTaken
from suppliers.models import Supplier
from suppliers.services import create_supplier

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
        "Lot {lot}: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm, {bad} of {all} parts",
        "Lot {lot}: hydrogen embrittlement, {bad} bolts broke in the 48 h proof load test",
        "Batch {lot}: material certificate states 42CrMo4, spectrometer finds C45",
        "Delivery {lot}: brake hoses without the required burst pressure report",
    ),
    Severity.MEDIUM: (
        "Lot {lot}: zinc layer 5 µm instead of 8 µm on {bad} of {all} samples",
        "Delivery {lot}: certificate of conformity names the wrong drawing revision",
        "Lot {lot}: {bad} of {all} connectors with bent pins at incoming inspection",
        "Delivery {lot}: 6 working days late, line stopped for one shift",
    ),
    Severity.LOW: (
        "Delivery {lot}: labels without batch number on {bad} of {all} boxes",
        "Delivery {lot}: packaging wet, parts dry and accepted",
        "Lot {lot}: burrs on a non-functional edge, {bad} of {all} parts",
        "Delivery {lot}: delivery note missing, supplied on request",
    ),
}
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
        user = User.objects.filter(username=role.value).first()
        users[role] = user or create_user(
            username=role.value, password=role.value, role=role, actor=None, is_staff=True
        )
    return users


def seed_suppliers(number: int, *, actor: User) -> Iterator[Supplier]:
    """Yield new suppliers: most certified for years, some expired or soon so, some without a date."""
    rng = random.Random(9001)
    today = clock.today()
    made = 0
    serial = 0
    while made < number:
        serial += 1
        name = f"{rng.choice(_PLACES)} {rng.choice(_TRADES)} {rng.choice(_FORMS)}"
        if serial > 2 * number + 50:
            name = f"{name} {serial}"
        try:
            yield create_supplier(name=name, certification_expiry=_expiry(rng, today), actor=actor)
        except SupplierNameIsTaken:
            continue
        made += 1


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
    """Open NCs, most of them at a few suppliers as in life, and close about two thirds."""
    rng = random.Random(10_2)
    supplier_ids = list(Supplier.objects.order_by("pk").values_list("pk", flat=True))
    weights = [1 / (1 + position % 17) for position in range(len(supplier_ids))]
    for _ in range(number):
        severity = rng.choices(tuple(Severity), weights=(5, 4, 2))[0]
        all_parts = rng.randint(20, 500)
        finding = rng.choice(_FINDINGS[severity]).format(
            lot=rng.randint(4000, 9999), bad=rng.randint(1, all_parts // 4), all=all_parts
        )
        nc = open_nonconformity(
            supplier_id=rng.choices(supplier_ids, weights=weights)[0],
            severity=severity.value,
            description=finding,
            actor=actor,
        )
        if rng.random() < (0.85 if severity == Severity.HIGH else 0.65):
            close_nonconformity(nc_id=nc.pk, actor=actor, reason=rng.choice(_CLOSURES))
        yield None
