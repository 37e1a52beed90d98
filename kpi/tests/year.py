"""A year of random work, as people and programs do it, day by day."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from ncs.choices import ActionStatus, Category, NcStatus
from ncs.errors import NonConformityHasOpenActions, NonConformityMoveIsForbidden
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import (
    assign_nonconformity,
    cancel_action,
    close_nonconformity,
    complete_action,
    contain_nonconformity,
    correct_nonconformity,
    open_action,
    open_nonconformity,
    reopen_nonconformity,
    start_action,
    verify_action,
    void_nonconformity,
)
from suppliers.choices import CertificateStatus, RiskLevel, SupplierStatus
from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.services import create_supplier
from suppliers.services.coverage import recount
from suppliers.standards import Standard

WHY = "as it turned out"


class Year:
    """Does some random things on a day. The same numbers from chance give the same year."""

    def __init__(self, users: Mapping[str, Any], chance: random.Random, move: Callable[[datetime], None]) -> None:
        self.users, self.chance, self.move = users, chance, move
        self.suppliers: list[int] = []
        self.serial = 0
        self.what: tuple[tuple[Callable[[date], None], int], ...] = (
            (self.record_case, 8), (self.correct_case, 3), (self.move_case, 2), (self.contain, 4), (self.assign, 2),
            (self.close, 6), (self.reopen, 2), (self.void, 1), (self.begin_action, 4), (self.go_on_with_action, 8),
            (self.hand_in_certificate, 2), (self.decide_on_certificate, 2), (self.change_supplier, 4),
            (self.deliver, 3), (self.record_supplier, 1), (self.merge, 1),
        )  # fmt: skip

    def work(self, now: datetime) -> None:
        if len(self.suppliers) < 3:
            self.record_supplier(now.date())
        self.count_certificates()
        things, weights = zip(*self.what, strict=True)
        for number, thing in enumerate(self.chance.choices(things, weights, k=self.chance.choice((0, 1, 3, 5)))):
            self.move(now + timedelta(minutes=number))
            thing(now.date())

    def _case(self, **chosen: Any) -> NonConformity | None:
        found = list(NonConformity.objects.filter(**chosen).order_by("pk"))
        return self.chance.choice(found) if found else None

    def record_supplier(self, today: date) -> None:
        if len(self.suppliers) < 9:
            self.serial += 1
            self.suppliers.append(create_supplier(name=f"Supplier {self.serial}", actor=self.users["admin"]).pk)

    def record_case(self, today: date) -> None:
        more: dict[str, Any] = {"category": self.chance.choice(["", *Category.values[:4]])}
        if self.chance.random() < 0.3:
            more["part_no"] = self.chance.choice(("1", "2"))
        open_nonconformity(
            supplier_id=self.chance.choice(self.suppliers),
            severity=self.chance.choice(("low", "medium", "high")),
            description="Bore too wide",
            actor=self.users["quality"],
            **more,
        )

    def correct_case(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN):
            values: dict[str, Any] = self.chance.choice((
                {"severity": self.chance.choice(("low", "medium", "high"))},
                {"category": self.chance.choice(Category.values[:4])},
                {"cost": self.chance.randint(1, 90_000)},
                {"due_on": today + timedelta(days=self.chance.randint(1, 40))},
            ))  # fmt: skip
            correct_nonconformity(nc_id=nc.pk, values=values, actor=self.users["quality"], reason=WHY)

    def move_case(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN):
            values = {"supplier_id": self.chance.choice(self.suppliers)}
            correct_nonconformity(nc_id=nc.pk, values=values, actor=self.users["quality"], reason=WHY)

    def contain(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN, containment=""):
            contain_nonconformity(nc_id=nc.pk, containment="Lot blocked", actor=self.users["quality"])

    def assign(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN):
            assign_nonconformity(
                nc_id=nc.pk, owner_id=self.users["quality"].pk, actor=self.users["quality"], reason=WHY,
                due_on=today + timedelta(days=self.chance.randint(5, 50)),
            )  # fmt: skip

    def close(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN):
            try:
                close_nonconformity(nc_id=nc.pk, actor=self.users["quality"])
            except NonConformityHasOpenActions:
                return

    def reopen(self, today: date) -> None:
        if nc := self._case(status=NcStatus.CLOSED):
            reopen_nonconformity(nc_id=nc.pk, actor=self.users["quality"], reason=WHY)

    def void(self, today: date) -> None:
        if nc := self._case():
            try:
                void_nonconformity(nc_id=nc.pk, actor=self.users["quality"], reason=WHY)
            except NonConformityMoveIsForbidden:
                return

    def begin_action(self, today: date) -> None:
        if nc := self._case(status=NcStatus.OPEN):
            due = today + timedelta(days=self.chance.randint(3, 30))
            open_action(nc_id=nc.pk, kind="corrective", title="Count", actor=self.users["quality"], due_on=due)

    def go_on_with_action(self, today: date) -> None:
        found = list(CorrectiveAction.objects.filter(nc__status=NcStatus.OPEN).order_by("pk"))
        if not found:
            return
        action, quality = self.chance.choice(found), self.users["quality"]
        if action.status == ActionStatus.OPEN and action.follow_up_of_id is None and self.chance.random() < 0.2:
            cancel_action(action_id=action.pk, reason=WHY, actor=quality)
        elif action.status == ActionStatus.OPEN:
            start_action(action_id=action.pk, actor=quality)
        elif action.status == ActionStatus.IN_PROGRESS:
            complete_action(action_id=action.pk, note="Done", actor=quality)
        elif action.status == ActionStatus.DONE:
            effective = self.chance.random() < 0.7
            verify_action(action_id=action.pk, effective=effective, note="Seen", actor=self.users["admin"])

    # Services of these belong to others: what they leave in the rows is what counts here.

    def count_certificates(self) -> None:
        """As whoever writes a certificate does, and the daily job for those that begin."""
        for supplier in Supplier.objects.standing().order_by("pk"):
            recount(supplier)

    def hand_in_certificate(self, today: date) -> None:
        self.serial += 1
        Certificate.objects.create(
            supplier_id=self.chance.choice(self.suppliers), number=str(self.serial), issuer="TÜV",
            standard=self.chance.choice((Standard.ISO_9001, Standard.ISO_14001)),
            edition=self.chance.choice(("2015", "2026", "")), submitted_by=self.users["procurement"],
            valid_from=today + timedelta(days=self.chance.choice((0, 0, 0, 5, 40))),
            valid_to=today + timedelta(days=self.chance.randint(60, 500)),
        )  # fmt: skip
        self.count_certificates()

    def decide_on_certificate(self, today: date) -> None:
        found = list(Certificate.objects.current().order_by("pk"))
        if not found:
            return
        certificate = self.chance.choice(found)
        if certificate.status == CertificateStatus.SUBMITTED:
            certificate.status, certificate.verified_by = CertificateStatus.VERIFIED, self.users["quality"]
            certificate.verified_at, certificate.verify_method = certificate.submitted_at, "register"
        else:
            certificate.status, certificate.decided_by = CertificateStatus.WITHDRAWN, self.users["quality"]
            certificate.decided_at, certificate.status_reason = certificate.submitted_at, WHY
        certificate.save()
        self.count_certificates()

    def change_supplier(self, today: date) -> None:
        standards = self.chance.choice(([], ["iso_9001"], ["iso_14001", "iso_9001"]))
        score = self.chance.randint(0, 100)
        Supplier.objects.filter(pk=self.chance.choice(self.suppliers)).update(
            **self.chance.choice((
                {"status": SupplierStatus.APPROVED, "status_reason": WHY, "status_by": self.users["admin"],
                 "status_at": F("created_at")},
                {"required_standards": standards},
                {"risk_score": score, "risk_level": RiskLevel.HIGH if score > 50 else RiskLevel.LOW,
                 "risk_assessed_at": Now()},
                {"override_level": RiskLevel.CRITICAL, "override_reason": WHY, "override_by": self.users["quality"],
                 "override_until": today + timedelta(days=self.chance.randint(0, 40))},
                {"override_level": "", "override_reason": "", "override_by": None, "override_until": None},
            ))
        )  # fmt: skip
        self.count_certificates()

    def deliver(self, today: date) -> None:
        received = self.chance.randint(100, 4000)
        figures = {
            "received_qty": received, "defective_qty": self.chance.randint(0, 9), "received_lots": 12,
            "rejected_lots": self.chance.randint(0, 3), "late_lots": self.chance.randint(0, 3),
        }  # fmt: skip
        month = (today - timedelta(days=self.chance.randint(0, 90))).replace(day=1)
        SupplierVolume.objects.update_or_create(
            supplier_id=self.chance.choice(self.suppliers), month=month, defaults=figures
        )

    def merge(self, today: date) -> None:
        if len(self.suppliers) < 7:
            return
        gone = self.suppliers.pop(self.chance.randrange(len(self.suppliers)))
        NonConformity.objects.filter(supplier_id=gone).update(supplier_id=self.suppliers[0], repeat_of=None)
        Certificate.objects.filter(supplier_id=gone).update(supplier_id=self.suppliers[0])
        self.count_certificates()
        SupplierVolume.objects.filter(supplier_id=gone).delete()
        counts = Supplier.objects.filter(pk=gone).values("nc_total", "nc_open", "nc_open_high", "nc_open_medium")[0]
        Supplier.objects.filter(pk=gone).update(merged_into=self.suppliers[0], **dict.fromkeys(counts, 0))
        more = {name: F(name) + number for name, number in counts.items()}
        Supplier.objects.filter(pk=self.suppliers[0]).update(**more)
