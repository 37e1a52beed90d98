"""Whatever changes through API, admin, commands or worker, the trail has exactly one entry of it, old and new."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audit.models import AuditEntry
from ncs.models import NonConformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.services import identity_provider as external
from qhse.accounts.services.users import change_user, create_user
from qhse.accounts.tests.provider import AUDIENCE, ISSUER, running_provider
from suppliers.models import Supplier

# By hand: what of a record is its content. Who, when and why stand in the entry itself; counts follow from NCs, a
# version from the number of changes, the risk's score and reasons from dates and NCs.
CONTENT: dict[str, tuple[Any, tuple[str, ...]]] = {
    "supplier": (Supplier, ("name", "certification_expiry", "risk_level")),
    "nonconformity": (NonConformity, ("supplier_id", "severity", "status", "description")),
    "user": (User, ("username", "email", "role", "is_staff", "is_active", "first_name", "last_name")),
}
BEGINNINGS = {"risk_level": "low", "first_name": "", "last_name": ""}
DAY = date(2031, 1, 31)

Values = dict[tuple[str, str], dict[str, Any]]
Changes = dict[tuple[str, str, str], tuple[Any, Any]]


def values() -> Values:
    found: Values = {}
    for entity, (model, fields) in CONTENT.items():
        for row in model.objects.values("pk", *fields):
            pk = row.pop("pk")
            found[entity, str(pk)] = {
                name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
            }
    return found


def differences(before: Values, after: Values) -> Changes:
    found: Changes = {}
    for key, row in after.items():
        old = before.get(key, dict.fromkeys(row))
        for name, value in row.items():
            began = key not in before and value == BEGINNINGS.get(name, ...)
            if old[name] != value and not began:
                found[*key, name] = (old[name], value)
    return found


def recorded(entries: list[AuditEntry]) -> Changes:
    """Return what entries say, one after the other; an empty value that is new is no difference."""
    found: Changes = {}
    for entry in entries:
        for name, (old, new) in entry.changes.items():
            if name in CONTENT.get(entry.entity_type, (None, ()))[1] and old != new:
                key = (entry.entity_type, entry.entity_id, name)
                found[key] = (found[key][0] if key in found else old, new)
    return {key: (old, new) for key, (old, new) in found.items() if old != new}


class World:
    """One of everything, and everybody who changes it."""

    def __init__(self, users: Any, api: Any, make_supplier: Any, make_nc: Any) -> None:
        self.users, self.api = users, api
        self.supplier = make_supplier()
        self.expired = make_supplier(certification_expiry=timezone.now().date() + timedelta(days=5))
        self.nc, self.second_nc = make_nc(severity="high"), make_nc(severity="low")
        self.leaver = create_user(
            username="leaver", password=None, role="quality", actor=users["admin"], email="leaver@example.com"
        )
        change_user(user_id=self.leaver.pk, actor=users["admin"], changes={"is_active": False})
        self.dead = OutboxEvent.objects.latest("id")
        OutboxEvent.objects.filter(pk=self.dead.pk).update(status=EventStatus.DEAD)

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
        assert response.status_code < 300, response.content


@pytest.fixture
def world(users, api, make_supplier, make_nc, drain) -> World:
    made = World(users, api, make_supplier, make_nc)
    drain()
    return made


def command(name: str, *arguments: str) -> None:
    call_command(name, *arguments, stdout=io.StringIO(), stderr=io.StringIO())


USER_FORM = {"role": "auditor", "is_active": "on", "is_staff": "on", "email": "", "first_name": "", "last_name": ""}

# What is done → (by which way, the actions of its entries in their order). The worker's follow when it is drained.
DEEDS: dict[str, tuple[Callable[[World], object], str, list[str]]] = {
    "API: record a supplier": (
        lambda w: w.send("procurement", "post", "/suppliers", {"name": "Nordic Castings AB"}), "api",
        ["SUPPLIER_CREATED"],
    ),
    "API: set a date": (
        lambda w: w.send("procurement", "patch", f"/suppliers/{w.supplier.pk}/certification",
                         {"certification_expiry": "2031-01-31", "reason": "renewed"}), "api",
        ["SUPPLIER_CERT_UPDATED"],
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
        lambda w: w.post("quality", f"ncs/nonconformity/{w.second_nc.pk}/change/", {"reason": "Lot sorted"}), "admin",
        ["NC_CLOSED"],
    ),
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
    "API: dismiss an event", "command: forget a person", "command: requeue", "command: dismiss",
    "nothing: the same date",
}  # fmt: skip


def new_entries(after: int) -> Iterator[AuditEntry]:
    yield from AuditEntry.objects.filter(pk__gt=after).order_by("pk")


@pytest.mark.parametrize("deed", DEEDS)
def test_each_change_has_one_entry_with_its_old_and_new_values(world, drain, deed):
    act, source, actions = DEEDS[deed]
    before, last = values(), AuditEntry.objects.latest("id").pk

    act(world)

    entries = list(new_entries(last))
    assert [(entry.action, entry.source) for entry in entries] == [(action, source) for action in actions]
    if "PSEUDONYMISED" not in str(actions):  # whose old and new values are what is to be forgotten
        assert recorded(entries) == differences(before, values())
    assert all(entry.request_id for entry in entries if entry.source in ("api", "admin"))


def test_the_demo_is_made_with_an_entry_for_everything(db):
    before = values()

    command("seed_demo", "--suppliers", "3", "--ncs", "6")

    entries = list(new_entries(after=0))
    assert recorded(entries) == differences(before, values())
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


def test_a_year_of_everything_adds_up(world, drain):
    """All deeds after one another: the values of the end are those of the beginning and the entries."""
    before, last = values(), AuditEntry.objects.latest("id").pk
    done: list[str] = []

    for deed, (act, _, actions) in DEEDS.items():
        if not deed.startswith("admin: ") and deed not in OTHERWISE_AFTER_OTHERS:
            act(world)
            drain()
            done += actions

    entries = list(new_entries(last))
    # What the worker concludes of these deeds is checked by the values below.
    assert [entry.action for entry in entries if entry.source != "worker"] == done
    assert recorded(entries) == differences(before, values())
