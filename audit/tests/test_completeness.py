"""Whatever changes through API, admin, commands or worker, the trail has exactly one entry of it, old and new."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from audit.words import all_words
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import close_nonconformity, complete_action, dispose_nonconformity, open_action, start_action
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.services import identity_provider as external
from qhse.accounts.services.users import change_user, create_user
from qhse.accounts.tests.provider import AUDIENCE, ISSUER, running_provider
from qhse.attachments.services import attach
from qhse.attachments.tests.files import PNG
from qhse.exchange.tests.previews import previewed
from suppliers.models import Certificate, Supplier
from suppliers.services import submit_certificate, verify_certificate

# By hand: what of a record is its content. Who, when and why stand in the entry itself; counts follow from NCs, a
# version from the number of changes, the risk's score and reasons from dates and NCs.
CONTENT: dict[str, tuple[Any, tuple[str, ...]]] = {
    "supplier": (
        Supplier,
        (
            "name",
            "certification_expiry",
            "risk_level",
            "external_ref",
            "country",
            "category",
            "criticality",
            "contact_name",
            "contact_email",
            "required_standards",
            "next_review_on",
            "status",
            "merged_into_id",
            "override_level",
            "override_until",
            "override_reason",
        ),
    ),
    "nonconformity": (
        NonConformity,
        (
            "supplier_id",
            "severity",
            "status",
            "description",
            "system",
            "category",
            "detected_on",
            "detected_at",
            "part_no",
            "lot_no",
            "po_ref",
            "qty_received",
            "qty_defective",
            "repeat_of_id",
            "customer_informed_on",
            "cost",
            "owner_id",
            "due_on",
            "containment",
            "contained_at",
            "contained_by_id",
            "cause_code",
            "root_cause",
            "analysed_at",
            "analysed_by_id",
            "disposition",
            "disposition_qty",
            "disposition_reason",
            "disposed_at",
            "disposed_by_id",
            "concession_by_id",
            "closure_code",
            "closure_gaps",
            "reopened_count",
        ),
    ),
    "action": (
        CorrectiveAction,
        (
            "nc_id",
            "kind",
            "title",
            "status",
            "owner_id",
            "contact",
            "due_on",
            "started_at",
            "done_at",
            "done_by_id",
            "done_note",
            "verified_at",
            "verified_by_id",
            "verification_note",
            "follow_up_of_id",
        ),
    ),
    "certificate": (
        Certificate,
        (
            "supplier_id",
            "standard",
            "edition",
            "number",
            "issuer",
            "accreditation_body",
            "scope",
            "sites",
            "valid_from",
            "valid_to",
            "last_surveillance_on",
            "supersedes_id",
            "status",
            "verified_at",
            "verified_by_id",
            "verify_method",
            "verify_ref",
            "expiry_told",
        ),
    ),
    "user": (User, ("username", "email", "role", "is_staff", "is_active", "first_name", "last_name")),
}
BEGINNINGS = {"risk_level": "low", "system": "quality", "criticality": "B"}
PENDING = "pending"  # the status of a supplier that is recorded; a case begins as OPEN, which its entry says
DAY = date(2031, 1, 31)

Values = dict[tuple[str, str], dict[str, Any]]
Changes = dict[tuple[str, str, str], tuple[Any, Any]]


def values() -> Values:
    found: Values = {}
    for entity, (model, fields) in CONTENT.items():
        for row in model.objects.values("pk", *fields):
            pk = row.pop("pk")
            found[entity, str(pk)] = {
                name: str(value)
                if isinstance(value, Decimal)
                else getattr(value, "isoformat", lambda value=value: value)()
                for name, value in row.items()
            }
    return found


def as_told(value: Any) -> Any:
    """Return a value in the form in which entries have it."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def told(value: Any) -> Any:
    """Return a value, or None for each of the ways to say nothing."""
    return None if value in ("", None, []) or (value == 0 and value is not False) else value


def differences(before: Values, after: Values) -> Changes:
    found: Changes = {}
    for key, row in after.items():
        old = before.get(key, dict.fromkeys(row))
        for name, value in row.items():
            began = key not in before and value in (BEGINNINGS.get(name, ...), PENDING)
            if told(old[name]) != told(value) and not began:
                found[*key, name] = (told(old[name]), told(value))
    return found


def recorded(entries: list[AuditEntry]) -> Changes:
    """Return what entries say, one after the other; an empty value that is new is no difference."""
    found: Changes = {}
    for entry in entries:
        for name, (old, new) in entry.changes.items():
            if name in CONTENT.get(entry.entity_type, (None, ()))[1] and old != new:
                key = (entry.entity_type, entry.entity_id, name)
                found[key] = (found[key][0] if key in found else told(old), told(new))
    return {key: (old, new) for key, (old, new) in found.items() if old != new and not is_a_beginning(key, old, new)}


def is_a_beginning(key: tuple[str, str, str], old: Any, new: Any) -> bool:
    return old is None and new == BEGINNINGS.get(key[2], ...)


def a_photo() -> SimpleUploadedFile:
    return SimpleUploadedFile("bore.png", PNG)


GOOD_TABLE = b"Name;Country\nRossi S.p.A.;IT\n"


class World:
    """One of everything, and everybody who changes it."""

    def __init__(self, users: Any, api: Any, make_supplier: Any, make_nc: Any) -> None:
        self.users, self.api = users, api
        self.supplier = make_supplier()
        self.duplicate = make_supplier()
        make_nc(supplier_id=self.duplicate.pk, severity="low")
        self.expired = make_supplier(certification_expiry=timezone.now().date() + timedelta(days=5))
        self.nc, self.second_nc = make_nc(severity="high"), make_nc(severity="low")
        self.make_case(make_nc)
        self.make_certificates()
        table = {"kind": "suppliers", "name": "suppliers.csv", "mode": "all_or_nothing", "actor": users["procurement"]}
        self.preview = previewed(GOOD_TABLE, **table)
        self.bad_preview = previewed(GOOD_TABLE + b"Hansa;Narnia\n", **table)
        self.leaver = create_user(
            username="leaver", password=None, role="quality", actor=users["admin"], email="leaver@example.com"
        )
        change_user(user_id=self.leaver.pk, actor=users["admin"], changes={"is_active": False})
        self.dead = OutboxEvent.objects.latest("id")
        OutboxEvent.objects.filter(pk=self.dead.pk).update(status=EventStatus.DEAD)

    def make_case(self, make_nc: Any) -> None:
        """A case in the middle of its life, one that is closed, and actions at each point of their way."""
        quality = self.users["quality"]
        self.case, self.closed = make_nc(category="surface", part_no="4711-B"), make_nc()
        dispose_nonconformity(nc_id=self.case.pk, disposition="use_as_is", reason="Works", actor=quality)
        close_nonconformity(nc_id=self.closed.pk, actor=quality)
        photo = a_photo()
        self.file = attach(
            entity_type="nonconformity", entity_id=str(self.nc.pk), name=photo.name, content=photo, actor=quality
        )
        plan = {"nc_id": self.case.pk, "kind": "corrective", "title": "New tool", "actor": quality}
        self.agreed, self.begun, self.done = (open_action(**plan) for _ in range(3))
        for action in (self.begun, self.done):
            start_action(action_id=action.pk, actor=quality)
        complete_action(action_id=self.done.pk, note="Changed", actor=quality)

    def make_certificates(self) -> None:
        """One that waits, one that is verified, and the renewal of that one."""
        plan = {"supplier_id": self.supplier.pk, **CERTIFICATE, "actor": self.users["procurement"]}
        plan |= {"valid_from": date(2026, 7, 1), "valid_to": date(2029, 6, 30), "last_surveillance_on": None}
        self.certificates = {
            "waiting": submit_certificate(**plan),
            "rejected": submit_certificate(**plan | {"number": "9"}),
        }
        verified = submit_certificate(**plan | {"number": "2", "valid_from": date(2023, 7, 1)})
        self.certificates["verified"] = verify_certificate(
            certificate_id=verified.pk, method="register", actor=self.users["quality"]
        )
        renewal = plan | {"number": "3", "supersedes_id": verified.pk, "valid_from": date(2025, 7, 1)}
        self.certificates["renewal"] = submit_certificate(**renewal)

    def attach(self, case: NonConformity) -> None:
        about = {"entity_type": "nonconformity", "entity_id": str(case.pk), "description": "Bore"}
        response = self.api("quality").post("/attachments", {**about, "file": a_photo()}, format="multipart")
        assert response.status_code == 201, response.content

    def step(self, role: str, step: str, values: dict[str, Any], record: Any = None) -> None:
        """Take a step on the page of a case, or of another record."""
        record = record or self.case
        meta = record._meta
        self.post(role, f"{meta.app_label}/{meta.model_name}/{record.pk}/change/?step={step}", values)

    def browser(self, role: str) -> Client:
        client = Client()
        client.force_login(self.users[role])
        return client

    def post(self, role: str, page: str, values: dict[str, Any]) -> None:
        response = self.browser(role).post(f"/admin/{page}", values)
        assert response.status_code == 302, response.content[:3000]

    def act_on(self, role: str, page: str, action: str, ids: list[int]) -> None:
        chosen = {"action": action, "_selected_action": ids, "confirmed": 1, "reason": "All of them"}
        self.post(role, page, chosen)

    def send(self, role: str, method: str, path: str, body: dict[str, Any]) -> None:
        response = getattr(self.api(role), method)(path, body)
        assert response.status_code < 300, response
        if response.streaming:
            assert all(response.streaming_content)  # read to its end, which is told of


@pytest.fixture
def world(users, api, make_supplier, make_nc, drain) -> World:
    made = World(users, api, make_supplier, make_nc)
    drain()
    seal_new_entries()
    return made


def of_certificate(record: str, step: str, body: dict[str, Any], role: str = "quality") -> Callable[[World], object]:
    return lambda w: w.send(role, "patch", f"/certificates/{w.certificates[record].pk}{step}", body)


def on_page(record: str, step: str, body: dict[str, Any], role: str = "quality") -> Callable[[World], object]:
    return lambda w: w.post(role, f"suppliers/certificate/{w.certificates[record].pk}/change/?step={step}", body)


def command(name: str, *arguments: str) -> None:
    call_command(name, *arguments, stdout=io.StringIO(), stderr=io.StringIO())


def with_a_broker(name: str, *arguments: str) -> None:
    with override_settings(BROKER_URL="amqp://broker.invalid/"):
        command(name, *arguments)


CERTIFICATE: dict[str, Any] = {
    "standard": "iso_9001", "edition": "2015", "number": "12 100 4711", "issuer": "TÜV Nord Cert",
    "accreditation_body": "DAkkS", "scope": "Forging", "sites": "Hagen", "valid_from": "2026-07-01",
    "valid_to": "2029-06-30", "last_surveillance_on": "2026-08-01",
}  # fmt: skip
USER_FORM = {"role": "auditor", "is_active": "on", "is_staff": "on", "email": "", "first_name": "", "last_name": ""}

DETAILS = {"system": "safety", "category": "material", "detected_on": "2026-01-31", "detected_at": "final",
           "part_no": "4711-B", "lot_no": "L 7", "po_ref": "45000", "qty_received": 100,
           "qty_defective": 3}  # fmt: skip
CAUSE = {"cause_code": "method", "root_cause": "No plan. Why? No owner."}
DECIDED = {"disposition": "scrap", "disposition_qty": 3, "reason": "Cannot be mended"}


def patch(path: str, body: dict[str, Any], record: str = "case", role: str = "quality") -> Callable[[World], object]:
    return lambda w: w.send(role, "patch", path.format(getattr(w, record).pk), body)


CERTIFICATE_DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: hand in a certificate": (
        lambda w: w.send("procurement", "post", "/certificates", {
            "supplier_id": w.expired.pk, **CERTIFICATE}), "api", ["CERTIFICATE_SUBMITTED"],
    ),
    "API: correct a certificate": (
        of_certificate("waiting", "", {
            **CERTIFICATE, "standard": "iso_14001", "number": "7", "valid_to": "2031-01-31", "scope": "Milling",
            "reason": "Misread"}, "procurement"), "api", ["CERTIFICATE_CORRECTED"],
    ),
    "API: verify a certificate": (
        of_certificate("renewal", "/verify", {"method": "issuer", "ref": "Mail of 3 May"}), "api",
        ["CERTIFICATE_VERIFIED", "CERTIFICATE_SUPERSEDED"],
    ),
    "API: reject a certificate": (
        of_certificate("rejected", "/reject", {"reason": "Forged"}), "api", ["CERTIFICATE_REJECTED"],
    ),
    "API: withdraw a certificate": (
        of_certificate("verified", "/withdraw", {"reason": "Suspended"}), "api", ["CERTIFICATE_WITHDRAWN"],
    ),
    "admin: hand in a certificate with its document": (
        lambda w: w.post("procurement", "suppliers/certificate/add/", {
            "supplier": w.expired.pk, **CERTIFICATE, "file": a_photo()}), "admin",
        ["CERTIFICATE_SUBMITTED", "FILE_ATTACHED"],
    ),
    "admin: correct a certificate": (
        on_page("waiting", "correct", {
            **CERTIFICATE, "number": "7", "valid_to": "2031-01-31", "reason": "Misread"}, "procurement"), "admin",
        ["CERTIFICATE_CORRECTED"],
    ),
    "admin: verify a certificate": (
        on_page("renewal", "verify", {"method": "register", "ref": "Page 7"}), "admin",
        ["CERTIFICATE_VERIFIED", "CERTIFICATE_SUPERSEDED"],
    ),
    "admin: reject a certificate": (
        on_page("rejected", "reject", {"reason": "Forged"}), "admin", ["CERTIFICATE_REJECTED"],
    ),
    "admin: withdraw a certificate": (
        on_page("verified", "withdraw", {"reason": "Suspended"}), "admin", ["CERTIFICATE_WITHDRAWN"],
    ),
}  # fmt: skip

CASE_DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: open a case with all it may say": (
        lambda w: w.send("quality", "post", "/ncs", {
            "supplier_id": w.supplier.pk, "severity": "high", "description": "Cracks", **DETAILS,
            "owner_id": w.users["quality"].pk, "due_on": "2031-01-31"}), "api", ["NC_CREATED"],
    ),
    "API: repeat a case": (
        lambda w: w.send("quality", "post", "/ncs", {
            "supplier_id": w.case.supplier_id, "severity": "low", "description": "Again", "part_no": "4711-B"}), "api",
        ["NC_CREATED"],
    ),
    "API: correct a case": (
        lambda w: w.send("quality", "patch", f"/ncs/{w.case.pk}", {
            **DETAILS, "supplier_id": w.expired.pk, "severity": "high", "description": "Cracks", "cost": "12.50",
            "customer_informed_on": "2026-02-01", "reason": "Misread"}), "api", ["NC_CORRECTED"],
    ),
    "API: assign a case": (
        lambda w: w.send("quality", "patch", f"/ncs/{w.case.pk}/assign", {
            "owner_id": w.users["admin"].pk, "due_on": "2031-01-31", "reason": "Tool is late"}), "api", ["NC_ASSIGNED"],
    ),
    "API: contain a case": (patch("/ncs/{}/contain", {"containment": "Lot blocked"}), "api", ["NC_CONTAINED"]),
    "API: analyse a case": (patch("/ncs/{}/analyse", CAUSE), "api", ["NC_ANALYSED"]),
    "API: decide on a case": (patch("/ncs/{}/dispose", DECIDED), "api", ["NC_DISPOSITIONED"]),
    "API: give a concession": (
        patch("/ncs/{}/concede", {"reason": "Allowed"}, role="admin"), "api", ["NC_CONCESSION_GIVEN"],
    ),
    "API: void a case": (
        patch("/ncs/{}/void", {"reason": "Wrong gauge"}), "api", ["CAPA_CANCELLED", "CAPA_CANCELLED", "NC_CLOSED"],
    ),
    "API: reopen a case": (patch("/ncs/{}/reopen", {"reason": "Again"}, "closed"), "api", ["NC_REOPENED"]),
    "API: agree on an action": (
        lambda w: w.send("quality", "post", f"/ncs/{w.case.pk}/actions", {
            "kind": "preventive", "title": "Teach", "contact": "Anna Weiss"}), "api", ["CAPA_OPENED"],
    ),
    "API: change an action": (patch("/actions/{}", {"title": "Teach all"}, "agreed"), "api", ["CAPA_CHANGED"]),
    "API: begin an action": (patch("/actions/{}/start", {}, "agreed"), "api", ["CAPA_STARTED"]),
    "API: complete an action": (patch("/actions/{}/complete", {"note": "Done"}, "begun"), "api", ["CAPA_DONE"]),
    "API: verify an action": (
        patch("/actions/{}/verify", {"effective": True, "note": "Looked"}, "done", "admin"), "api", ["CAPA_VERIFIED"],
    ),
    "API: verify an action that did not help": (
        patch("/actions/{}/verify", {"effective": False, "note": "Looked"}, "done", "admin"), "api",
        ["CAPA_VERIFIED", "CAPA_OPENED"],
    ),
    "API: cancel an action": (patch("/actions/{}/cancel", {"reason": "No use"}, "begun"), "api", ["CAPA_CANCELLED"]),
    "admin: correct a case": (
        lambda w: w.step("quality", "correct", {
            **DETAILS, "supplier": w.expired.pk, "severity": "high", "description": "Cracks", "due_on": "2031-01-31",
            "cost": "12.5", "reason": "Misread"}), "admin", ["NC_CORRECTED"],
    ),
    "admin: assign a case": (
        lambda w: w.step("quality", "assign", {
            "owner": w.users["admin"].pk, "due_on": "2031-01-31", "reason": "Tool is late"}), "admin", ["NC_ASSIGNED"],
    ),
    "admin: contain a case": (
        lambda w: w.step("quality", "contain", {"containment": "Lot blocked"}), "admin", ["NC_CONTAINED"],
    ),
    "admin: analyse a case": (lambda w: w.step("quality", "analyse", CAUSE), "admin", ["NC_ANALYSED"]),
    "admin: decide on a case": (lambda w: w.step("quality", "dispose", DECIDED), "admin", ["NC_DISPOSITIONED"]),
    "admin: give a concession": (
        lambda w: w.step("admin", "concede", {"reason": "Allowed"}), "admin", ["NC_CONCESSION_GIVEN"],
    ),
    "admin: void a case": (
        lambda w: w.step("quality", "void", {"reason": "Wrong gauge"}), "admin",
        ["CAPA_CANCELLED", "CAPA_CANCELLED", "NC_CLOSED"],
    ),
    "admin: reopen a case": (
        lambda w: w.step("quality", "reopen", {"reason": "Again"}, w.closed), "admin", ["NC_REOPENED"],
    ),
    "admin: agree on an action": (
        lambda w: w.post("quality", "ncs/correctiveaction/add/", {
            "nc": w.case.pk, "kind": "preventive", "title": "Teach", "owner": w.users["admin"].pk}), "admin",
        ["CAPA_OPENED"],
    ),
    "admin: change an action": (
        lambda w: w.step("quality", "change", {
            "title": "Teach all", "contact": "Anna Weiss", "due_on": w.agreed.due_on}, w.agreed), "admin",
        ["CAPA_CHANGED"],
    ),
    "admin: begin an action": (lambda w: w.step("quality", "start", {}, w.agreed), "admin", ["CAPA_STARTED"]),
    "admin: complete an action": (
        lambda w: w.step("quality", "complete", {"note": "Done"}, w.begun), "admin", ["CAPA_DONE"],
    ),
    "admin: verify an action": (
        lambda w: w.step("admin", "verify", {"verdict": "ineffective", "note": "Looked"}, w.done), "admin",
        ["CAPA_VERIFIED", "CAPA_OPENED"],
    ),
    "admin: cancel an action": (
        lambda w: w.step("quality", "cancel", {"reason": "No use"}, w.begun), "admin", ["CAPA_CANCELLED"],
    ),
    "API: attach a file": (
        lambda w: w.attach(w.nc), "api", ["FILE_ATTACHED"],
    ),
    "API: declare a file void": (
        lambda w: w.send("quality", "patch", f"/attachments/{w.file.pk}/void", {"reason": "Other lot"}), "api",
        ["FILE_VOIDED"],
    ),
    "admin: attach a file": (
        lambda w: w.step("quality", "add_file", {"file": a_photo(), "file_description": "Bore"}, w.agreed), "admin",
        ["FILE_ATTACHED"],
    ),
    "admin: declare a file void": (
        lambda w: w.step("quality", "void_file", {"file": w.file.pk, "reason": "Other lot"}, w.nc), "admin",
        ["FILE_VOIDED"],
    ),
}  # fmt: skip

SUPPLIER = {"name": "Hansa Forge AG", "external_ref": "K-4711", "country": "DE", "category": "component",
            "criticality": "A", "contact_name": "Anna Weiss", "contact_email": "anna@example.com",
            "required_standards": ["as_9100", "iso_9001"], "next_review_on": "2031-01-31"}  # fmt: skip
MERGED = ["NC_MOVED", "SUPPLIER_MERGED", "SUPPLIER_TAKEN_IN"]
SUPPLIER_DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: record a supplier with all that may be said": (
        lambda w: w.send("procurement", "post", "/suppliers", SUPPLIER | {
            "name": "Tyne Castings", "external_ref": "K-1"}), "api", ["SUPPLIER_CREATED"],
    ),
    "API: correct a supplier": (
        lambda w: w.send("procurement", "patch", f"/suppliers/{w.supplier.pk}", SUPPLIER | {
            "reason": "Renamed"}), "api", ["SUPPLIER_CORRECTED"],
    ),
    "API: decide about a supplier": (
        lambda w: w.send("quality", "post", f"/suppliers/{w.expired.pk}/status", {
            "status": "conditional", "reason": "First lot"}), "api", ["SUPPLIER_STATUS_CHANGED"],
    ),
    "API: merge a supplier": (
        lambda w: w.send("admin", "post", f"/suppliers/{w.duplicate.pk}/merge", {
            "into_id": w.supplier.pk, "reason": "Twice"}), "api", MERGED,
    ),
    "admin: correct a supplier": (
        lambda w: w.step("procurement", "correct", SUPPLIER | {"reason": "Renamed"}, w.supplier), "admin",
        ["SUPPLIER_CORRECTED"],
    ),
    "admin: decide about a supplier": (
        lambda w: w.step("quality", "status", {"decision": "conditional", "reason": "First lot"}, w.expired), "admin",
        ["SUPPLIER_STATUS_CHANGED"],
    ),
    "admin: merge a supplier": (
        lambda w: w.step("admin", "merge", {"into": w.supplier.pk, "reason": "Twice"}, w.duplicate), "admin", MERGED,
    ),
}  # fmt: skip

# What is done → (by which way, the actions of its entries in their order). The worker's follow when it is drained.
AUDITORS_DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: review the trail": (
        lambda w: w.send("auditor", "post", "/audit-log/reviews", {"seal": 1, "note": "No objection"}),
        "api",
        ["AUDIT_TRAIL_REVIEWED"],
    ),
    "API: have the trail verified": (
        lambda w: w.send("auditor", "post", "/audit-log/verifications", {}),
        "api",
        ["AUDIT_TRAIL_VERIFICATION_STARTED"],
    ),
    "API: draw a sample": (
        lambda w: w.send("auditor", "get", "/ncs/sample", {"from": "2026-01-01", "to": "2026-12-31"}),
        "api",
        ["NC_SAMPLE_DRAWN"],
    ),
    "API: take a dossier": (
        lambda w: w.send("auditor", "get", "/dossiers", {"from": "2001-01-01", "to": "2001-01-02"}),
        "api",
        ["AUDIT_TRAIL_EXPORTED", "DOSSIER_MADE"],
    ),
    "admin: review the trail": (
        lambda w: w.post("auditor", "audit/auditentry/proof/", {"seal": "1", "note": "No objection"}),
        "admin",
        ["AUDIT_TRAIL_REVIEWED"],
    ),
    "admin: have the trail verified": (
        lambda w: w.post("auditor", "audit/auditentry/verify-all/", {}),
        "admin",
        ["AUDIT_TRAIL_VERIFICATION_STARTED"],
    ),
}


def a_table(content: bytes = GOOD_TABLE) -> SimpleUploadedFile:
    return SimpleUploadedFile("suppliers.csv", content)


def check_a_file(world: World) -> None:
    form = {"kind": "suppliers", "file": a_table()}
    response = world.api("procurement").post("/imports", form, format="multipart")
    assert response.status_code == 201, response.content


IMPORT_DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: set a month": (
        lambda w: w.send("procurement", "put", f"/suppliers/{w.supplier.pk}/volumes/2026-05",
                         {"received_qty": 500, "defective_qty": 1}), "api", ["SUPPLIER_VOLUME_SET"],
    ),
    "admin: set a month": (
        lambda w: w.post("procurement", "suppliers/suppliervolume/add/",
                         {"supplier": w.supplier.pk, "month": "05/2026", "received_qty": 500, "defective_qty": 1,
                          "received_lots": 3, "rejected_lots": 0, "late_lots": 1}), "admin", ["SUPPLIER_VOLUME_SET"],
    ),
    "API: check a file": (check_a_file, "api", ["IMPORT_PREVIEWED"]),
    "API: set up an import anew": (
        lambda w: w.send("procurement", "patch", f"/imports/{w.preview.pk}", {"mode": "good_rows"}), "api",
        ["IMPORT_CHANGED"],
    ),
    "API: start an import": (
        lambda w: w.send("procurement", "post", f"/imports/{w.preview.pk}/start", {}), "api", ["IMPORT_STARTED"],
    ),
    "API: cancel an import": (
        lambda w: w.send("procurement", "post", f"/imports/{w.preview.pk}/cancel", {}), "api", ["IMPORT_CANCELLED"],
    ),
    "admin: check a file": (
        lambda w: w.post("procurement", "exchange/importjob/add/",
                         {"kind": "suppliers", "mode": "good_rows", "file": a_table()}), "admin", ["IMPORT_PREVIEWED"],
    ),
    "admin: assign the columns": (
        lambda w: w.post("procurement", f"exchange/importjob/{w.preview.pk}/change/?step=set_up",
                         {"column_0": "name", "column_1": "", "mode": "good_rows"}), "admin", ["IMPORT_CHANGED"],
    ),
    "admin: start an import": (
        lambda w: w.post("procurement", f"exchange/importjob/{w.preview.pk}/change/?step=start", {"go": "1"}), "admin",
        ["IMPORT_STARTED"],
    ),
    "admin: import the good rows": (
        lambda w: w.post("procurement", f"exchange/importjob/{w.bad_preview.pk}/change/?step=start_good",
                         {"go": "1"}), "admin", ["IMPORT_CHANGED", "IMPORT_STARTED"],
    ),
    "admin: cancel an import": (
        lambda w: w.post("procurement", f"exchange/importjob/{w.preview.pk}/change/?step=cancel", {"go": "1"}), "admin",
        ["IMPORT_CANCELLED"],
    ),
}  # fmt: skip


DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    **AUDITORS_DEEDS,
    **IMPORT_DEEDS,
    "API: record a supplier": (
        lambda w: w.send("procurement", "post", "/suppliers", {"name": "Nordic Castings AB"}), "api",
        ["SUPPLIER_CREATED"],
    ),
    "API: set a date": (
        lambda w: w.send("procurement", "patch", f"/suppliers/{w.supplier.pk}/certification",
                         {"certification_expiry": "2031-01-31", "reason": "renewed"}), "api",
        ["SUPPLIER_CERT_UPDATED"],
    ),
    "API: override a risk level": (
        lambda w: w.send("quality", "post", f"/suppliers/{w.supplier.pk}/risk/override", {
            "level": "high", "reason": "Fire", "until": str(timezone.now().date())}), "api",
        ["SUPPLIER_RISK_OVERRIDDEN"],
    ),
    "admin: override a risk level": (
        lambda w: w.post("quality", f"suppliers/supplier/{w.supplier.pk}/change/?step=override", {
            "level": "high", "reason": "Fire", "until": str(timezone.now().date())}), "admin",
        ["SUPPLIER_RISK_OVERRIDDEN"],
    ),
    "API: open an NC": (
        lambda w: w.send("quality", "post", "/ncs",
                         {"supplier_id": w.supplier.pk, "severity": "low", "description": "No lot number"}), "api",
        ["NC_CREATED"],
    ),
    "API: close an NC": (
        lambda w: w.send("quality", "patch", f"/ncs/{w.second_nc.pk}/close", {"reason": "Lot sorted"}), "api",
        ["NC_CLOSED"],
    ),
    "API: requeue an event": (
        lambda w: w.send("admin", "post", f"/outbox/events/{w.dead.event_id}/requeue", {"reason": "Mended"}), "api",
        ["OUTBOX_EVENT_REQUEUED"],
    ),
    "API: dismiss an event": (
        lambda w: w.send("admin", "post", f"/outbox/events/{w.dead.event_id}/dismiss", {"reason": "A test import"}),
        "api", ["OUTBOX_EVENT_DISMISSED"],
    ),
    "admin: record a supplier": (
        lambda w: w.post("procurement", "suppliers/supplier/add/",
                         {"name": "Ticino Springs", "certification_expiry": "2031-01-31"}), "admin",
        ["SUPPLIER_CREATED"],
    ),
    "admin: set a date": (
        lambda w: w.post("procurement", f"suppliers/supplier/{w.supplier.pk}/change/",
                         {"certification_expiry": "2031-01-31", "reason": "renewed"}), "admin",
        ["SUPPLIER_CERT_UPDATED"],
    ),
    "admin: open an NC": (
        lambda w: w.post("quality", "ncs/nonconformity/add/",
                         {"supplier": w.supplier.pk, "severity": "low", "description": "No lot number"}), "admin",
        ["NC_CREATED"],
    ),
    "admin: close an NC": (
        lambda w: w.step("admin", "close", {"reason": "Lot sorted", "override": "on"}, w.second_nc), "admin",
        ["NC_CLOSED"],
    ),
    **CASE_DEEDS,
    **SUPPLIER_DEEDS,
    **CERTIFICATE_DEEDS,
    "admin: requeue an event": (
        lambda w: w.post("admin", f"outbox/outboxevent/{w.dead.pk}/change/", {"reason": "Mended"}), "admin",
        ["OUTBOX_EVENT_REQUEUED"],
    ),
    "admin: dismiss an event": (
        lambda w: w.post("admin", f"outbox/outboxevent/{w.dead.pk}/change/", {"reason": "A test", "_dismiss": "1"}),
        "admin", ["OUTBOX_EVENT_DISMISSED"],
    ),
    "admin: make a user": (
        lambda w: w.post("admin", "accounts/user/add/",
                         {"username": "new", "role": "auditor", "email": "new@example.com",
                          "password": "a-long-enough-secret-4711"}), "admin",
        ["USER_CREATED"],
    ),
    "admin: change a user": (
        lambda w: w.post("admin", f"accounts/user/{w.users['quality'].pk}/change/",
                         USER_FORM | {"first_name": "Ada", "reason": "moved"}), "admin",
        ["USER_CHANGED"],
    ),
    "admin: close several NCs": (
        lambda w: w.act_on("quality", "ncs/nonconformity/", "close_selected", [w.nc.pk, w.second_nc.pk]), "admin",
        ["NC_CLOSED", "NC_CLOSED"],
    ),
    "admin: requeue several events": (
        lambda w: w.act_on("admin", "outbox/outboxevent/", "requeue_selected", [w.dead.pk]), "admin",
        ["OUTBOX_EVENT_REQUEUED"],
    ),
    "admin: dismiss several events": (
        lambda w: w.act_on("admin", "outbox/outboxevent/", "dismiss_selected", [w.dead.pk]), "admin",
        ["OUTBOX_EVENT_DISMISSED"],
    ),
    "admin: set a password": (
        lambda w: w.post("admin", f"accounts/user/{w.users['auditor'].pk}/change/",
                         USER_FORM | {"new_password": "a-long-enough-secret-4711"}), "admin",
        ["USER_PASSWORD_SET"],
    ),
    "admin: change one's own password": (
        lambda w: w.post("quality", "password_change/", {
            "old_password": "correct-horse-quality", "new_password1": "a-long-enough-secret-4711",
            "new_password2": "a-long-enough-secret-4711"}), "admin",
        ["LOGIN_SUCCEEDED", "USER_PASSWORD_SET"],  # who changes it has first proven again who they are
    ),
    "API: log in": (
        lambda w: w.send("quality", "post", "/auth/login",
                         {"username": "auditor", "password": "correct-horse-auditor"}), "api", ["LOGIN_SUCCEEDED"],
    ),
    "admin: log in": (
        lambda w: Client().post("/admin/login/", {"username": "quality", "password": "correct-horse-quality"}), "admin",
        ["LOGIN_SUCCEEDED"],
    ),
    "command: reassess": (lambda w: command("reassess_suppliers"), "command", []),
    "command: requeue": (
        lambda w: command("requeue_dead_events", "--all", "--reason", "Mended"), "command", ["OUTBOX_EVENT_REQUEUED"],
    ),
    "command: dismiss": (
        lambda w: command("dismiss_dead_events", "--all", "--reason", "A test"), "command", ["OUTBOX_EVENT_DISMISSED"],
    ),
    "command: send events again": (
        lambda w: with_a_broker("replay_events", "--type", "NC_CREATED", "--reason", "A test"), "command",
        ["EVENTS_REPLAYED"],
    ),
    "command: forget a person": (
        lambda w: command("pseudonymise_person", "leaver", "--reason", "asked for it"), "command",
        ["USER_PSEUDONYMISED"],
    ),
    "command: verify": (lambda w: command("verify_audit_trail", "--record"), "command", ["AUDIT_TRAIL_VERIFIED"]),
    "command: checkpoint, look and prune": (
        lambda w: [command("outbox_status"), command("prune_outbox", "--older-than", "0"), command("prune_expired")],
        "command", [],
    ),
    "nothing: the same date": (
        lambda w: w.send("procurement", "patch", f"/suppliers/{w.supplier.pk}/certification",
                         {"certification_expiry": None}), "api", [],
    ),
    "nothing: reading": (lambda w: [w.api("auditor").get("/audit-log"), w.api("quality").get("/kpi")], "api", []),
}  # fmt: skip


# The person is wanted as before; the event to decide on is not dead any more; the date is not the same.
OTHERWISE_AFTER_OTHERS = {
    "API: give a concession", "API: change an action", "API: begin an action", "API: complete an action",
    "API: verify an action", "API: verify an action that did not help", "API: cancel an action",
    "API: agree on an action", "API: withdraw a certificate", "API: record a supplier with all that may be said",
    "API: dismiss an event", "command: forget a person", "command: requeue", "command: dismiss",
    "nothing: the same date",
}  # fmt: skip


def new_entries(after: int) -> Iterator[AuditEntry]:
    yield from AuditEntry.objects.filter(pk__gt=after).order_by("pk")


@pytest.mark.parametrize("deed", DEEDS)
def test_each_change_has_one_entry_with_its_old_and_new_values(world, drain, settings, deed):
    if "several NCs" in deed:
        settings.NC_CLOSE_GATE = {"admin": "record"}
    act, source, actions = DEEDS[deed]
    before, last = values(), AuditEntry.objects.latest("id").pk

    act(world)

    entries = list(new_entries(last))
    assert [(entry.action, entry.source) for entry in entries] == [(action, source) for action in actions]
    if "PSEUDONYMISED" not in str(actions):  # whose old and new values are what is to be forgotten
        assert recorded(entries) == differences(before, values())
    assert all(entry.request_id for entry in entries if entry.source in ("api", "admin"))
    worded = {(words.record, name) for words in all_words() for name in words.fields}
    of_parts = {name for words in all_words() if words.part for name in words.fields}
    assert {(entry.entity_type, name) for entry in entries for name in entry.changes if name not in of_parts} <= worded


def test_the_demo_is_made_with_an_entry_for_everything(db):
    before = values()

    command("seed_demo", "--suppliers", "3", "--ncs", "6")

    entries = list(new_entries(after=0))
    made = recorded(entries)
    # What a supplier was recorded with and then became: its beginning stands in no entry of its recording.
    known = {
        key: (None if old == PENDING or is_a_beginning(key, None, old) else old, new)
        for key, (old, new) in made.items()
    }
    assert known == differences(before, values())
    created = {entry.action for entry in entries}
    assert created >= {"SUPPLIER_CREATED", "NC_CREATED", "USER_CREATED"}
    assert {entry.source for entry in entries} <= {"command", "worker"}


def test_an_identity_provider_brings_users_and_roles_with_their_entries(users, anonymous, settings):
    before, last = values(), AuditEntry.objects.latest("id").pk
    settings.OIDC_ISSUER, settings.OIDC_AUDIENCE, settings.OIDC_ROLE_CLAIM = ISSUER, AUDIENCE, "realm_access.roles"
    settings.OIDC_ROLES = {"theirs-quality": "quality", "theirs-auditor": "auditor"}
    now = int(time.time())
    with running_provider() as provider:
        settings.OIDC_JWKS_URL = provider.url
        external._keys.cache_clear()
        for issued_at, role in (
            (now - 20, "theirs-quality"),
            (now - 10, "theirs-auditor"),
            (now - 10, "theirs-auditor"),
        ):
            token = provider.token(iat=issued_at, realm_access={"roles": [role]})
            assert anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200
        external._keys.cache_clear()

    entries = list(new_entries(last))
    assert [entry.action for entry in entries] == ["USER_CREATED", "USER_CHANGED"]
    expected = {key: change for key, change in differences(before, values()).items() if change[1] not in ("", False)}
    assert recorded(entries) == expected != {}


def test_what_the_worker_concludes_has_its_entries_too(world, drain, make_nc):
    for _ in range(3):
        make_nc(supplier_id=world.supplier.pk, severity="high")
    before, last = values(), AuditEntry.objects.latest("id").pk

    drain()

    entries = list(new_entries(last))
    assert {(entry.action, entry.source, entry.actor) for entry in entries} == {
        ("SUPPLIER_RISK_CHANGED", "worker", "system")
    }
    assert recorded(entries) == differences(before, values()) != {}


# A case that repeats it has been recorded by then: of another supplier, it is repeated no more.
MORE_AFTER_OTHERS = {"API: correct a case": ["NC_CORRECTED", "NC_CORRECTED"]}


def test_a_year_of_everything_adds_up(world, drain):
    """All deeds after one another: the values of the end are those of the beginning and the entries."""
    before, last = values(), AuditEntry.objects.latest("id").pk
    done: list[str] = []

    for deed, (act, _, actions) in DEEDS.items():
        if not deed.startswith("admin: ") and deed not in OTHERWISE_AFTER_OTHERS:
            act(world)
            drain()
            done += MORE_AFTER_OTHERS.get(deed, actions)

    entries = list(new_entries(last))
    # What the worker concludes of these deeds is checked by the values below.
    assert [entry.action for entry in entries if entry.source != "worker"] == done
    assert recorded(entries) == differences(before, values())
