"""How the cast came to stand where it does: certificates, decisions, deliveries, one duplicate, one override."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from qhse import clock
from qhse.accounts.models import User
from suppliers.choices import RiskLevel
from suppliers.demo.cast import DUPLICATE, NUMBERS, OF_NAME, OVERRIDDEN, Part
from suppliers.demo.certificates import HandedIn, hand_in, withdraw
from suppliers.demo.dating import date_back, working_day
from suppliers.demo.past import Past
from suppliers.demo.volumes import deliver
from suppliers.models import Supplier
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    create_supplier,
    merge_supplier,
    override_risk,
    update_certification,
)

REQUIRED_DAYS = 75  # so long ago more standards were asked for
SUSPENDED_DAYS, DISQUALIFIED_DAYS, REJECTED_DAYS = 40, 170, 30
OVERRIDE_DAYS = 45
_REASONS = {
    "approved": "First deliveries without findings, certificates verified",
    "conditional": "Deliveries only with 100 % incoming inspection until the open points are closed",
    "suspended": "No new orders until certificate and deliveries are in order again",
    "rejected": "Evaluation ended: no accepted certificate of the works that would deliver",
    "disqualified": "Certification ended, no renewal planned; tools were moved to another supplier",
}


class People:
    """Who acts in the demo."""

    def __init__(self, *, buyer: User, quality: User, admin: User) -> None:
        self.buyer, self.quality, self.admin = buyer, quality, admin


def seed_standing(suppliers: Iterable[Supplier], *, people: People) -> Iterator[Past]:
    """Give each of the cast its certificates, its status and its deliveries. Yield what was when."""
    now = clock.present()
    for supplier in suppliers:
        part = OF_NAME.get(supplier.name)
        if part is not None:
            supplier.refresh_from_db()
            yield _stand(supplier, part, now, people)


def _stand(supplier: Supplier, part: Part, now: datetime, people: People) -> Past:
    past = Past(part, supplier.pk, supplier.created_at)
    past.declared.add(past.created, supplier.certification_expiry)
    past.required.add(past.created, tuple(supplier.required_standards))
    past.status.add(past.created, "pending")
    handed_in = hand_in(part, supplier.pk, known=past.created, now=now, buyer=people.buyer, quality=people.quality)
    _renew_declared(past, supplier, handed_in, now, people)
    _decide(past, now, people, handed_in)
    if part.status == "approved" and set(past.required.on(now.date())) != set(part.required):
        reason = "Asked of all suppliers of this kind by our customer"
        correct_supplier(
            supplier_id=supplier.pk, values={"required_standards": part.required}, actor=people.buyer, reason=reason
        )
        past.required.add(now - timedelta(days=REQUIRED_DAYS), part.required)
    _date_certificates(handed_in)
    deliver(part, supplier.pk, known=past.created, now=now, buyer=people.buyer)
    return past


def _renew_declared(past: Past, supplier: Supplier, handed_in: list[HandedIn], now: datetime, people: People) -> None:
    renewal = next((each for each in handed_in if each.row.supersedes_id and each.row.standard == "iso_9001"), None)
    if renewal is None or supplier.certification_expiry is None:
        return
    update_certification(
        supplier_id=supplier.pk, certification_expiry=renewal.row.valid_to, actor=people.buyer,
        reason="Recertification audit passed",
    )  # fmt: skip
    past.declared.add(renewal.times["verified_at"], renewal.row.valid_to)


def _decide(past: Past, now: datetime, people: People, handed_in: list[HandedIn]) -> None:
    """Take the supplier to its status, by who may decide each step. A certificate is withdrawn after the first."""
    part, first = past.part, past.created + timedelta(days=40)
    steps = [(part.status, first, people.quality)]
    if part.status == "pending":
        return
    if part.status == "rejected":
        steps = [("rejected", now - timedelta(days=REJECTED_DAYS), people.buyer)]
    if part.status == "suspended":
        steps = [("approved", first, people.quality), ("suspended", _ago(now, SUSPENDED_DAYS), people.quality)]
    if part.status == "disqualified":
        steps = [("conditional", first, people.quality), ("disqualified", _ago(now, DISQUALIFIED_DAYS), people.admin)]
    for status, moment, actor in steps:
        change_supplier_status(supplier_id=past.supplier_id, status=status, actor=actor, reason=_REASONS[status])
        past.status.add(moment, status)
        for each in handed_in:
            if each.is_to_be_withdrawn:
                withdraw(each, now=now, quality=people.quality)
    row = Supplier.objects.get(pk=past.supplier_id)
    date_back("supplier", [(row, {"status_at": past.status.known[-1][0]})])


def _ago(now: datetime, days: int) -> datetime:
    return working_day(now - timedelta(days=days))


def _date_certificates(handed_in: list[HandedIn]) -> None:
    for each in handed_in:
        each.row.refresh_from_db()
    date_back("certificate", [(each.row, each.times) for each in handed_in])
    date_back("certificate", [each.file for each in handed_in])


def seed_duplicate(*, people: People) -> Supplier | None:
    """Record a supplier a second time, and merge it into the one that it is. None if that one is not there."""
    name, original = DUPLICATE
    target = Supplier.objects.filter(name=original, external_ref=NUMBERS[original]).first()
    if target is None:
        return None
    known = Supplier.objects.filter(name=name).first()
    if known is not None:
        return known
    twice = create_supplier(name=name, country="DE", external_ref="TUR-70902", actor=people.buyer)
    return merge_supplier(
        supplier_id=twice.pk, into_id=target.pk, actor=people.admin,
        reason="The same company: Turin had recorded its second works as a supplier of its own",
    )  # fmt: skip


def seed_override(*, actor: User) -> Supplier | None:
    """Let one supplier that has been assessed be shown with a higher level. None if it is not there."""
    supplier = Supplier.objects.filter(name=OVERRIDDEN, risk_assessed_at__isnull=False).first()
    if supplier is None:
        return None
    return override_risk(
        supplier_id=supplier.pk, level=RiskLevel.CRITICAL.value, actor=actor,
        reason="Only source of the steering knuckle, and its only forging press stands still",
        until=clock.today() + timedelta(days=OVERRIDE_DAYS),
    )  # fmt: skip
