"""A write that is broken off at any statement leaves nothing: no row without audit entry and event, or the reverse."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from audit.reviewing import stamp_review
from audit.verifying import start_verification
from ncs.models import CorrectiveAction, NonConformity
from ncs.sampling import draw_sample
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    change_action,
    close_nonconformity,
    complete_action,
    concede_nonconformity,
    contain_nonconformity,
    correct_nonconformity,
    dispose_nonconformity,
    open_action,
    open_nonconformity,
    reopen_nonconformity,
    start_action,
    verify_action,
    void_nonconformity,
)
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.services import dismiss_dead_event, requeue_dead_event
from qhse import clock
from qhse.accounts.services.users import change_user, create_user, set_password
from qhse.tests.waiting import interrupted_at
from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.reassessment import reassess_suppliers
from suppliers.reminders import remind
from suppliers.services import (
    change_supplier_status,
    correct_certificate,
    correct_supplier,
    create_supplier,
    merge_supplier,
    override_risk,
    reject_certificate,
    submit_certificate,
    update_certification,
    verify_certificate,
    withdraw_certificate,
)
from suppliers.tests.made import a_certificate, a_month

pytestmark = pytest.mark.django_db

MOST_STATEMENTS = 40


@pytest.fixture
def everything(row_counts, users):
    """Return every stored value that a write below could change."""

    def read():
        return (
            row_counts(),
            list(Supplier.objects.order_by("pk").values()),
            list(Certificate.objects.order_by("pk").values()),
            list(SupplierVolume.objects.order_by("pk").values()),
            list(NonConformity.objects.order_by("pk").values()),
            list(CorrectiveAction.objects.order_by("pk").values()),
            list(OutboxEvent.objects.order_by("pk").values()),
            list(type(users["admin"]).objects.order_by("pk").values()),
        )

    return read


def break_off_everywhere(action, everything) -> int:
    """Break the action off at its first statement, its second, and so on; return how many it has."""
    before = everything()
    for point in range(1, MOST_STATEMENTS):
        if not interrupted_at(point, action):
            assert everything() != before, "the action, left alone, changed nothing"
            return point - 1
        assert everything() == before, f"broken off at statement {point}, something was left behind"
    raise AssertionError(f"the action takes {MOST_STATEMENTS} statements or more")


def test_creating_a_supplier(users, everything):
    statements = break_off_everywhere(
        lambda: create_supplier(name="Tyne Castings Ltd", actor=users["procurement"]), everything
    )

    assert statements >= 4


def test_updating_a_certification(users, make_supplier, everything):
    supplier = make_supplier()

    statements = break_off_everywhere(
        lambda: update_certification(
            supplier_id=supplier.pk, certification_expiry=date(2030, 1, 31), actor=users["procurement"]
        ),
        everything,
    )

    assert statements >= 4


def test_correcting_and_deciding_about_a_supplier(users, make_supplier, everything):
    supplier = make_supplier()
    change = {"supplier_id": supplier.pk, "reason": "Audit", "actor": users["admin"]}

    for action in (
        lambda: correct_supplier(**change, values={"name": "Tyne Castings", "required_standards": ["iso_9001"]}),
        lambda: change_supplier_status(**change, status="conditional"),
    ):
        assert break_off_everywhere(action, everything) >= 4


def test_merging_a_supplier(users, make_supplier, make_nc, everything):
    source, target = make_supplier(), make_supplier()
    make_nc(supplier_id=source.pk)
    a_certificate(source, users["procurement"])
    for supplier in (source, target):
        a_month(supplier, date(2026, 10, 1))

    statements = break_off_everywhere(
        lambda: merge_supplier(supplier_id=source.pk, into_id=target.pk, reason="Twice", actor=users["admin"]),
        everything,
    )

    assert statements >= 15


def test_overriding_a_risk(users, make_supplier, everything):
    supplier = make_supplier()
    reassess_suppliers(supplier_ids=[supplier.pk])

    statements = break_off_everywhere(
        lambda: override_risk(
            supplier_id=supplier.pk, level="high", reason="Fire", until=clock.today(), actor=users["quality"]
        ),
        everything,
    )

    assert statements >= 5


def test_reassessing_a_supplier(make_supplier, everything):
    supplier = make_supplier(certification_expiry=date(2020, 1, 31))

    statements = break_off_everywhere(lambda: reassess_suppliers(supplier_ids=[supplier.pk]), everything)

    assert statements >= 5


def test_opening_a_nonconformity(users, make_supplier, everything):
    supplier = make_supplier()

    statements = break_off_everywhere(
        lambda: open_nonconformity(
            supplier_id=supplier.pk, severity="high", description="Lot 12: porosity", actor=users["quality"]
        ),
        everything,
    )

    assert statements >= 4


def test_closing_a_nonconformity(users, make_nc, everything):
    nc = make_nc(severity="high")

    statements = break_off_everywhere(
        lambda: close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Sorted"), everything
    )

    assert statements >= 5


def steps_of_a_case(users, make_supplier, nc, make_action):
    """Return every step as a call, with what it needs before it."""
    quality, admin, other = users["quality"], users["admin"], make_supplier()
    dispose = {"nc_id": nc.pk, "disposition": "use_as_is", "reason": "Works", "actor": quality}
    action, done = make_action(), make_action()
    start_action(action_id=done.pk, actor=quality)
    complete_action(action_id=done.pk, note="Changed", actor=quality)
    values = {"supplier_id": other.pk, "severity": "low", "description": "Risse", "lot_no": "7"}
    return {
        "assign": lambda: assign_nonconformity(nc_id=nc.pk, owner_id=admin.pk, actor=quality),
        "contain": lambda: contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=quality),
        "analyse": lambda: analyse_nonconformity(nc_id=nc.pk, cause_code="method", root_cause="x", actor=quality),
        "dispose": lambda: dispose_nonconformity(**dispose),
        "concede": lambda: concede_nonconformity(nc_id=nc.pk, reason="Allowed", actor=admin),
        "correct": lambda: correct_nonconformity(nc_id=nc.pk, values=values, reason="Misread", actor=quality),
        "open an action": lambda: make_action(),
        "change an action": lambda: change_action(action_id=action.pk, values={"contact": "A. W."}, actor=quality),
        "begin an action": lambda: start_action(action_id=action.pk, actor=quality),
        "complete an action": lambda: complete_action(action_id=action.pk, note="Done", actor=quality),
        "verify an action": lambda: verify_action(action_id=done.pk, effective=False, note="No", actor=admin),
        "void": lambda: void_nonconformity(nc_id=nc.pk, reason="Wrong gauge", actor=quality),
        "reopen": lambda: reopen_nonconformity(nc_id=nc.pk, reason="Again", actor=quality),
    }


def test_each_step_of_a_case(users, make_supplier, make_nc, everything):
    nc = make_nc(severity="high")
    plan = {"nc_id": nc.pk, "kind": "corrective", "title": "New tool", "actor": users["quality"]}

    for name, step in steps_of_a_case(users, make_supplier, nc, lambda: open_action(**plan)).items():
        assert break_off_everywhere(step, everything) >= 4, name


def test_each_step_of_a_certificate(users, make_certificate, everything):
    old = make_certificate(verified=True, days=5)
    Supplier.objects.update(required_standards=["iso_9001"])
    waiting = make_certificate(supplier_id=old.supplier_id, number="3", standard="iso_14001", days=5)
    new = {
        "supplier_id": old.supplier_id, "standard": "iso_9001", "number": "2", "issuer": "DNV",
        "valid_from": old.valid_from + timedelta(days=1), "valid_to": old.valid_to + timedelta(days=900),
    }  # fmt: skip
    quality, procurement = {"actor": users["quality"]}, {"actor": users["procurement"]}

    def newest():
        return Certificate.objects.latest("id").pk

    steps = {
        "tell of the end": remind,
        "hand in": lambda: submit_certificate(**new, supersedes_id=old.pk, **procurement),
        "correct": lambda: correct_certificate(
            certificate_id=newest(), values={"scope": "Forging"}, reason="Misread", **procurement
        ),
        "verify": lambda: verify_certificate(certificate_id=newest(), method="register", **quality),
        "withdraw": lambda: withdraw_certificate(certificate_id=newest(), reason="Suspended", **quality),
        "reject": lambda: reject_certificate(certificate_id=waiting.pk, reason="Forged", **quality),
    }

    for name, step in steps.items():
        assert break_off_everywhere(step, everything) >= 5, name
    assert Certificate.objects.get(pk=old.pk).status == "superseded"


def test_reassessing_suppliers(make_nc, everything):
    nc = make_nc(severity="high")

    statements = break_off_everywhere(lambda: reassess_suppliers(supplier_ids=[nc.supplier_id]), everything)

    assert statements >= 4


@pytest.mark.parametrize("decide", [requeue_dead_event, dismiss_dead_event])
def test_deciding_on_a_dead_event(users, make_supplier, everything, decide):
    make_supplier()
    event = OutboxEvent.objects.get()
    OutboxEvent.objects.update(status=EventStatus.DEAD, attempts=10)

    statements = break_off_everywhere(
        lambda: decide(event_id=event.event_id, actor=users["admin"], reason="Fixed"), everything
    )

    assert statements >= 3


def test_managing_users(users, everything):
    admin, auditor = users["admin"], users["auditor"]

    for action in (
        lambda: create_user(username="lena", password="a-long-password", role="quality", actor=admin),
        lambda: change_user(user_id=auditor.pk, actor=admin, changes={"is_active": False}),
        lambda: set_password(user_id=auditor.pk, password="another-password", actor=admin),
    ):
        statements = break_off_everywhere(action, everything)
        assert statements >= 2


def test_every_domain_write_leaves_one_entry_and_one_event_for_it(users, make_supplier):
    supplier = make_supplier()
    nc = open_nonconformity(supplier_id=supplier.pk, severity="low", description="Wet box", actor=users["quality"])
    update_certification(
        supplier_id=supplier.pk, certification_expiry=date(2031, 5, 1), actor=users["procurement"], reason="Renewed"
    )
    close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Accepted")

    entries = AuditEntry.objects.exclude(entity_type="user").order_by("id").values_list("action", "actor", "reason")
    events = OutboxEvent.objects.order_by("id").values_list("event_type", flat=True)

    expected = ["SUPPLIER_CREATED", "NC_CREATED", "SUPPLIER_CERT_UPDATED", "NC_CLOSED"]
    assert [action for action, _, _ in entries] == expected == list(events)
    assert [reason for _, _, reason in entries] == ["", "", "Renewed", "Accepted"]


def test_what_auditors_write(users, everything, make_nc):
    make_nc()
    seal_new_entries()
    auditor = users["auditor"]
    today = clock.today()
    statements = {
        "a review": lambda: stamp_review(seal=1, note="No objection", actor=auditor),
        "a sample": lambda: draw_sample(first=today, last=today, seed="1848", actor=auditor),
        "a verification": lambda: start_verification(actor=auditor),
    }

    for name, action in statements.items():
        assert break_off_everywhere(action, everything) >= 3, name
