"""Who gets which answer: every route of the resolver × every method × everybody who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from itertools import count
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.test.client import encode_multipart
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.viewsets import ViewSet
from rest_framework_simplejwt.tokens import AccessToken

from audit.models import TrailVerification
from audit.proof.sealing import seal_new_entries
from ncs.choices import ActionStatus
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import open_action
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.webhooks.fanout import spread
from outbox.webhooks.services import create_webhook
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import EVERYONE, Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import change_user, create_user
from qhse.api.openapi.routes import all_patterns
from qhse.api.permissions import RolePermission
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach
from qhse.exchange.tests.previews import previewed
from suppliers.choices import CertificateStatus
from suppliers.models import Certificate
from suppliers.reassessment import reassess_suppliers
from suppliers.services import set_volume

pytestmark = pytest.mark.once

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WITHOUT_RIGHTS = ("nobody", "deactivated", "expired token", "refresh token", "session of the admin site")

PUBLIC = "everybody, also without a token"
ALL = {"quality", "procurement", "auditor", "admin"}

# Written from the contract, not from the role tables: pattern → method → (who may, what they get). HEAD goes with
# GET; everything else is 405 for whoever may know that the route exists.
EXPECTED: dict[str, dict[str, tuple[Any, int]]] = {
    "": {"GET": (PUBLIC, 200)},
    "auth/login": {"POST": (PUBLIC, 200)},
    "auth/refresh": {"POST": (PUBLIC, 200)},
    "auth/logout": {"POST": (PUBLIC, 204)},
    "auth/me": {"GET": (ALL, 200)},
    "suppliers": {"GET": (ALL, 200), "POST": ({"procurement", "admin"}, 201)},
    "suppliers/<int:supplier_id>": {"GET": (ALL, 200), "PATCH": ({"procurement", "admin"}, 200)},
    "suppliers/<int:supplier_id>/status": {"POST": ({"quality", "procurement", "admin"}, 200)},
    "suppliers/<int:supplier_id>/merge": {"POST": ({"admin"}, 200)},
    "suppliers/<int:supplier_id>/certification": {"PATCH": ({"procurement", "admin"}, 200)},
    "certificates": {"GET": (ALL, 200), "POST": ({"procurement", "admin"}, 201)},
    "certificates/<int:certificate_id>": {"GET": (ALL, 200), "PATCH": ({"procurement", "admin"}, 200)},
    **{
        f"certificates/<int:certificate_id>/{step}": {"PATCH": ({"quality", "admin"}, 200)}
        for step in ("verify", "reject", "withdraw")
    },
    "certificates/<int:certificate_id>/timeline": {"GET": ({"auditor", "admin"}, 200)},
    "suppliers/<int:supplier_id>/risk": {"GET": (ALL, 200)},
    "suppliers/<int:supplier_id>/risk/history": {"GET": (ALL, 200)},
    "suppliers/<int:supplier_id>/risk/override": {"POST": ({"quality", "admin"}, 200)},
    "ncs": {"GET": (ALL, 200), "POST": ({"quality", "admin"}, 201)},
    "ncs/<int:nc_id>": {"GET": (ALL, 200), "PATCH": ({"quality", "admin"}, 200)},
    **{
        f"ncs/<int:nc_id>/{step}": {"PATCH": ({"quality", "admin"}, 200)}
        for step in (
            "assign",
            "contain",
            "analyse",
            "dispose",
            "concede",
            "close",
            "reopen",
            "void",
        )
    },
    "ncs/owners": {"GET": ({"quality", "admin"}, 200)},
    "ncs/<int:nc_id>/actions": {"POST": ({"quality", "admin"}, 201)},
    "ncs/<int:nc_id>/8d": {"GET": (ALL, 200)},
    "actions": {"GET": (ALL, 200)},
    "actions/<int:action_id>": {"GET": (ALL, 200), "PATCH": ({"quality", "admin"}, 200)},
    **{
        f"actions/<int:action_id>/{step}": {"PATCH": ({"quality", "admin"}, 200)}
        for step in (
            "start",
            "complete",
            "verify",
            "cancel",
        )
    },
    "actions/<int:action_id>/timeline": {"GET": ({"auditor", "admin"}, 200)},
    "me/work": {"GET": (ALL, 200)},
    "kpi": {"GET": ({"quality", "auditor", "admin"}, 200)},
    "kpi/quality": {"GET": ({"quality", "auditor", "admin"}, 200)},
    "suppliers/<int:supplier_id>/timeline": {"GET": ({"auditor", "admin"}, 200)},
    "ncs/<int:nc_id>/timeline": {"GET": ({"auditor", "admin"}, 200)},
    "audit-log": {"GET": ({"auditor", "admin"}, 200)},
    # By the tables of the records that have files: here of a certificate.
    "attachments": {"GET": (ALL, 200), "POST": ({"quality", "procurement", "admin"}, 201)},
    "audit-log/reviews": {"GET": ({"auditor", "admin"}, 200), "POST": ({"auditor", "admin"}, 201)},
    "audit-log/verifications": {"GET": ({"auditor", "admin"}, 200), "POST": ({"auditor", "admin"}, 201)},
    "ncs/sample": {"GET": ({"auditor", "admin"}, 200)},
    "dossiers": {"GET": ({"auditor", "admin"}, 200)},
    "suppliers/<int:supplier_id>/volumes": {"GET": (ALL, 200)},
    "suppliers/<int:supplier_id>/volumes/<str:month>": {"GET": (ALL, 200), "PUT": ({"procurement", "admin"}, 200)},
    # By the tables of the records that are imported: here suppliers. Everybody reads them.
    "imports": {"GET": (ALL, 200), "POST": ({"procurement", "admin"}, 201)},
    "imports/<int:import_id>": {
        "GET": (ALL, 200),
        "PATCH": ({"procurement", "admin"}, 200),
    },
    "imports/<int:import_id>/start": {"POST": ({"procurement", "admin"}, 200)},
    "imports/<int:import_id>/cancel": {"POST": ({"procurement", "admin"}, 200)},
    "attachments/<int:attachment_id>": {"GET": (ALL, 200)},
    "attachments/<int:attachment_id>/content": {"GET": (ALL, 200)},
    "attachments/<int:attachment_id>/preview": {"GET": (ALL, 200)},
    "attachments/<int:attachment_id>/void": {"PATCH": ({"quality", "procurement", "admin"}, 200)},
    "outbox/events": {"GET": ({"admin"}, 200)},
    "outbox/events/<uuid:event_id>": {"GET": ({"admin"}, 200)},
    "outbox/events/<uuid:event_id>/requeue": {"POST": ({"admin"}, 200)},
    "outbox/events/<uuid:event_id>/dismiss": {"POST": ({"admin"}, 200)},
    "webhooks": {"GET": ({"admin"}, 200), "POST": ({"admin"}, 201)},
    "webhooks/<int:webhook_id>": {"GET": ({"admin"}, 200), "PATCH": ({"admin"}, 200)},
    "webhooks/<int:webhook_id>/secret": {"POST": ({"admin"}, 200)},
    "webhooks/<int:webhook_id>/deliveries": {"GET": ({"admin"}, 200)},
    "webhooks/<int:webhook_id>/deliveries/<int:delivery_id>": {"GET": ({"admin"}, 200)},
    "webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/retry": {"POST": ({"admin"}, 200)},
    "healthz": {"GET": (PUBLIC, 200)},
    "readyz": {"GET": (PUBLIC, 200)},
    "metrics": {"GET": (PUBLIC, 200)},
    "openapi.json": {"GET": (PUBLIC, 200)},
    "docs": {"GET": (PUBLIC, 200)},
}
# What needs a period in its address.
PERIODS = {"ncs/sample": "?from=2026-01-01&to=2026-12-31", "dossiers": "?from=2001-01-01&to=2001-01-02"}
# The way to the admin site without its slash; by its whole name, so that `admin-export` would be missed here.
ADMIN_SITE = {"admin"}
# A view of the library, which announces an OPTIONS that it refuses.
ALLOW_HEADER_IS_NOT_OURS = {"docs"}


@dataclass
class World:
    """One record of each kind, and everybody who may ask about it."""

    ids: dict[str, Any]
    askers: dict[str, APIClient]
    refresh_token: Callable[[], str]
    reporter: Any
    numbers: Iterator[int] = field(default_factory=count)
    seal: int = 1

    def ask(self, who: str, method: str, pattern: str) -> Any:
        body = self._valid_body(method, pattern)
        path = "/" + pattern
        for placeholder, value in self.ids.items():
            path = path.replace(placeholder, str(value))
        content_type = "application/json"
        if pattern == "attachments" and method == "POST":
            body, content_type = encode_multipart("b", self._file()), "multipart/form-data; boundary=b"
        elif pattern == "imports" and method == "POST":
            body, content_type = encode_multipart("b", self._table()), "multipart/form-data; boundary=b"
        elif pattern == "attachments" and method in ("GET", "HEAD"):
            path += f"?entity_type=certificate&entity_id={self.ids['<int:certificate_id>']}"
        elif pattern in PERIODS and method in ("GET", "HEAD"):
            path += PERIODS[pattern]
        response = self.askers[who].generic(method, path, body, content_type=content_type)
        response.whole = b"".join(response)  # a file is closed when it was read
        return response

    def _file(self) -> dict[str, Any]:
        file = SimpleUploadedFile("measured.csv", b"part;mm\n1;12.08\n")
        return {"entity_type": "certificate", "entity_id": str(self.ids["<int:certificate_id>"]), "file": file}

    def _table(self) -> dict[str, Any]:
        return {"kind": "suppliers", "file": SimpleUploadedFile("suppliers.csv", b"Name;Country\nHansa;DE\n")}

    def _valid_body(self, method: str, pattern: str) -> str:
        bodies: dict[tuple[str, str], Callable[[], Any]] = {
            ("POST", "auth/login"): lambda: {"username": "auditor", "password": "correct-horse-auditor"},
            ("POST", "auth/refresh"): lambda: {"refresh_token": self.refresh_token()},
            ("POST", "auth/logout"): lambda: {"refresh_token": self.refresh_token()},
            ("POST", "suppliers"): lambda: {"name": f"Nordic Castings {next(self.numbers)} AB"},
            ("PATCH", "suppliers/<int:supplier_id>"): lambda: {
                "external_ref": f"K {next(self.numbers)}",
                "reason": "Misread",
            },
            ("POST", "suppliers/<int:supplier_id>/status"): lambda: {"status": "conditional", "reason": "First lot"},
            ("POST", "suppliers/<int:supplier_id>/merge"): lambda: {
                "into_id": self.ids["<another supplier>"],
                "reason": "Recorded twice",
            },
            ("PATCH", "suppliers/<int:supplier_id>/certification"): lambda: {"certification_expiry": "2029-06-30"},
            ("POST", "certificates"): lambda: {
                "supplier_id": self.ids["<int:supplier_id>"],
                "standard": "iso_9001",
                "number": f"12 100 {next(self.numbers)}",
                "issuer": "TÜV Nord Cert",
                "valid_from": "2026-07-01",
                "valid_to": "2029-06-30",
            },
            ("PATCH", "certificates/<int:certificate_id>"): lambda: {
                "number": f"12 200 {next(self.numbers)}",
                "reason": "Misread",
            },
            ("PATCH", "certificates/<int:certificate_id>/verify"): self._submitted,
            ("PATCH", "certificates/<int:certificate_id>/reject"): lambda: {"reason": "Forged"},
            ("PATCH", "certificates/<int:certificate_id>/withdraw"): self._verified,
            ("POST", "suppliers/<int:supplier_id>/risk/override"): lambda: {
                "level": "low",
                "reason": "Audited",
                "until": str(timezone.now().date()),
            },
            ("POST", "ncs"): lambda: {
                "supplier_id": self.ids["<int:supplier_id>"],
                "severity": "low",
                "description": "Delivery note without lot number",
            },
            ("PATCH", "ncs/<int:nc_id>"): lambda: {"lot_no": f"L {next(self.numbers)}", "reason": "Misread"},
            ("PATCH", "ncs/<int:nc_id>/assign"): lambda: {"owner_id": None},
            ("PATCH", "ncs/<int:nc_id>/contain"): lambda: {"containment": "Lot blocked"},
            ("PATCH", "ncs/<int:nc_id>/analyse"): lambda: {"cause_code": "method", "root_cause": "No plan"},
            ("PATCH", "ncs/<int:nc_id>/dispose"): lambda: {"disposition": "scrap", "reason": "Cracked"},
            ("PATCH", "ncs/<int:nc_id>/concede"): self._used_as_it_is,
            ("PATCH", "ncs/<int:nc_id>/close"): self._settled,
            ("PATCH", "ncs/<int:nc_id>/reopen"): lambda: {"reason": "Again"},
            ("PATCH", "ncs/<int:nc_id>/void"): lambda: {"reason": "Wrong gauge"},
            ("POST", "ncs/<int:nc_id>/actions"): lambda: {"kind": "corrective", "title": "New tool"},
            ("PATCH", "actions/<int:action_id>"): lambda: {"title": f"New tool {next(self.numbers)}"},
            ("PATCH", "actions/<int:action_id>/start"): dict,
            ("PATCH", "actions/<int:action_id>/complete"): lambda: self._action(ActionStatus.IN_PROGRESS, "note"),
            ("PATCH", "actions/<int:action_id>/verify"): lambda: {
                "effective": True,
                **self._action(ActionStatus.DONE, "note"),
            },
            ("PATCH", "actions/<int:action_id>/cancel"): lambda: self._action(ActionStatus.OPEN, "reason"),
            ("PATCH", "attachments/<int:attachment_id>/void"): lambda: {"reason": "Another lot"},
            ("POST", "audit-log/reviews"): lambda: {"seal": self.seal, "note": "No objection"},
            ("POST", "audit-log/verifications"): self._not_running,
            ("PUT", "suppliers/<int:supplier_id>/volumes/<str:month>"): lambda: {
                "received_qty": 500 + next(self.numbers),
                "defective_qty": 1,
            },
            ("PATCH", "imports/<int:import_id>"): dict,
            ("POST", "imports/<int:import_id>/start"): dict,
            ("POST", "imports/<int:import_id>/cancel"): dict,
            ("POST", "outbox/events/<uuid:event_id>/requeue"): self._dead_event_body,
            ("POST", "outbox/events/<uuid:event_id>/dismiss"): self._dead_event_body,
            ("POST", "webhooks"): lambda: {"url": "https://erp.example.com/", "event_types": ["NC_CREATED"]},
            ("PATCH", "webhooks/<int:webhook_id>"): lambda: {"description": f"ERP {next(self.numbers)}"},
            ("POST", "webhooks/<int:webhook_id>/secret"): dict,
            ("POST", "webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/retry"): dict,
        }
        build = bodies.get((method, pattern))
        return json.dumps(build()) if build else ""

    def _submitted(self) -> dict[str, str]:
        self._put_certificate(CertificateStatus.SUBMITTED)
        return {"method": "register"}

    def _verified(self) -> dict[str, str]:
        self._put_certificate(CertificateStatus.VERIFIED)
        return {"reason": "Suspended by its issuer"}

    def _put_certificate(self, status: CertificateStatus) -> None:
        """Put the certificate back to where it can take the step; somebody else has handed it in."""
        verified = status == CertificateStatus.VERIFIED
        Certificate.objects.filter(pk=self.ids["<int:certificate_id>"]).update(
            status=status, verified_at=timezone.now() if verified else None,
            verified_by=User.objects.get(username="quality") if verified else None,
            verify_method="register" if verified else "",
        )  # fmt: skip

    def _settled(self) -> dict[str, str]:
        NonConformity.objects.filter(pk=self.ids["<int:nc_id>"]).update(actions_open=0)
        return {"reason": "Lot sorted"}

    def _used_as_it_is(self) -> dict[str, str]:
        NonConformity.objects.filter(pk=self.ids["<int:nc_id>"]).update(disposition="use_as_is")
        return {"reason": "Allowed"}

    def _action(self, status: ActionStatus, text: str) -> dict[str, str]:
        """Put the action back to where it can take the step; somebody else has completed it."""
        done = status == ActionStatus.DONE
        CorrectiveAction.objects.filter(pk=self.ids["<int:action_id>"]).update(
            status=status, done_at=timezone.now() if done else None, done_by=self.reporter if done else None,
            verified_at=None, verified_by=None,
        )  # fmt: skip
        counts = {"actions_open": int(not done), "actions_to_verify": int(done), "actions_effective": 0}
        NonConformity.objects.filter(pk=self.ids["<int:nc_id>"]).update(**counts)
        return {text: "Enough"}

    def _not_running(self) -> dict[str, str]:
        TrailVerification.objects.filter(finished_at=None).update(state="done", finished_at=timezone.now())
        return {}

    def _dead_event_body(self) -> dict[str, str]:
        OutboxEvent.objects.filter(event_id=self.ids["<uuid:event_id>"]).update(
            status=EventStatus.DEAD, dismissed_at=None
        )
        return {"reason": "Handler mended"}


@pytest.fixture
def world(users, api, make_nc, make_supplier, make_certificate) -> World:
    reporter = create_user(username="reporter", password=None, role=Role.QUALITY, actor=None)
    nc = make_nc(actor=reporter)
    reassess_suppliers(supplier_ids=[nc.supplier_id])
    action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=reporter)
    gone = create_user(username="gone", password=None, role=Role.ADMIN, actor=None)
    askers = {"nobody": APIClient(), "deactivated": api(gone)} | {role: api(role) for role in ALL}
    change_user(user_id=gone.pk, actor=users["admin"], changes={"is_active": False})

    expired = AccessToken(issue_tokens(users["admin"]).access_token)
    expired.set_exp(lifetime=timedelta(minutes=-2))
    for who, token in (("expired token", expired), ("refresh token", issue_tokens(users["admin"]).refresh_token)):
        askers[who] = APIClient()
        askers[who].credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    askers["session of the admin site"] = APIClient()
    askers["session of the admin site"].force_login(users["admin"])

    file = {"name": "note.txt", "content": BytesIO(b"12.08 mm"), "actor": users["quality"]}
    certificate = make_certificate(actor=reporter)
    figures = {"month": date(2026, 5, 1), "received_qty": 500, "defective_qty": 1}
    set_volume(supplier_id=nc.supplier_id, **figures, actor=users["procurement"])
    table = {"kind": "suppliers", "name": "suppliers.csv", "content": b"Name;Country\nHansa;DE\n"}
    webhook, _ = create_webhook(url="https://erp.example.com/", event_types=["*"], actor=users["admin"])
    make_supplier()
    spread()
    ids = {
        "<int:webhook_id>": webhook.pk,
        "<int:delivery_id>": webhook.deliveries.get().pk,
        "<str:month>": "2026-05",
        "<int:import_id>": previewed(**table, mode="good_rows", actor=users["procurement"]).pk,
        "<int:attachment_id>": attach(entity_type="certificate", entity_id=str(certificate.pk), **file).pk,
        "<int:certificate_id>": certificate.pk,
        "<int:supplier_id>": nc.supplier_id,
        "<another supplier>": make_supplier().pk,
        "<int:nc_id>": nc.pk,
        "<int:action_id>": action.pk,
        "<uuid:event_id>": OutboxEvent.objects.latest("id").event_id,
    }
    Attachment.objects.update(preview_as=F("stored_as"))
    seal_new_entries()
    return World(ids, askers, lambda: issue_tokens(users["auditor"]).refresh_token, reporter)


def expected_status(pattern: str, method: str, who: str) -> int:
    methods = EXPECTED[pattern]
    allowed, status = methods.get("GET" if method == "HEAD" else method, (None, 405))
    if PUBLIC in [roles for roles, _ in methods.values()]:
        return status
    if who in WITHOUT_RIGHTS:
        return 401
    return status if allowed is None or who in allowed else 403


def test_the_table_lists_every_route_of_the_resolver_and_no_other():
    resolved = {pattern for pattern, _ in all_patterns() if not pattern.startswith("admin/")} - ADMIN_SITE

    assert resolved == set(EXPECTED)


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", EXPECTED)
def test_everybody_gets_exactly_what_the_contract_says(world, pattern):
    wrong = []
    for method in METHODS:
        for who in world.askers:
            response = world.ask(who, method, pattern)

            expected = expected_status(pattern, method, who)
            if response.status_code != expected:
                wrong.append(f"{method} /{pattern} by {who}: {response.status_code} instead of {expected}")
            if method == "HEAD" and response.whole:
                wrong.append(f"HEAD /{pattern} by {who} has a body")
            if expected == 401 and response.get("WWW-Authenticate") != 'Bearer realm="qhse"':
                wrong.append(f"{method} /{pattern} by {who}: 401 without WWW-Authenticate")
            if expected == 405 and pattern not in ALLOW_HEADER_IS_NOT_OURS:
                allowed = set(EXPECTED[pattern]) | ({"HEAD"} if "GET" in EXPECTED[pattern] else set())
                if set(response["Allow"].split(", ")) != allowed:
                    wrong.append(f"{method} /{pattern} by {who}: Allow is {response['Allow']}")
            if expected >= 400 and method != "HEAD" and response["Content-Type"] != "application/problem+json":
                wrong.append(f"{method} /{pattern} by {who}: {response['Content-Type']}")

    assert wrong == []


@pytest.mark.django_db
def test_nobody_without_rights_leaves_anything_behind(world, row_counts):
    before = row_counts()

    for pattern, methods in EXPECTED.items():
        for method, (allowed, _) in methods.items():
            for who in set(world.askers) - set(allowed) if allowed != PUBLIC else ():
                world.ask(who, method, pattern)

    assert row_counts() == before


@pytest.mark.django_db
class TestChangesActAtOnce:
    def test_a_changed_role_acts_on_the_next_request_with_the_same_token(self, users, api):
        client = api("procurement")
        assert client.post("/suppliers", {"name": "Hansa Forge GmbH"}).status_code == 201

        change_user(user_id=users["procurement"].pk, actor=users["admin"], changes={"role": Role.AUDITOR})

        assert client.post("/suppliers", {"name": "Nordic Castings AB"}).status_code == 403
        assert client.get("/audit-log").status_code == 200
        assert client.get("/auth/me").json()["role"] == "auditor"

    def test_a_deactivated_user_is_refused_on_the_next_request_and_must_log_in_anew_when_active(self, users, api):
        client = api("quality")
        assert client.get("/ncs").status_code == 200

        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": False})
        assert client.get("/ncs").status_code == 401

        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": True})
        assert client.get("/ncs").status_code == 401
        users["quality"].refresh_from_db()
        assert api("quality").get("/ncs").status_code == 200

    def test_a_user_who_was_deactivated_past_the_service_is_refused_as_well(self, users, api):
        client = api("quality")
        type(users["quality"]).objects.filter(pk=users["quality"].pk).update(is_active=False)

        assert client.get("/ncs").status_code == 401

    def test_the_role_in_the_token_gives_no_rights(self, users):
        token = AccessToken(issue_tokens(users["auditor"]).access_token)
        token["role"] = "admin"
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

        assert client.get("/outbox/events").status_code == 403


class TestWhatATableDoesNotListIsDenied:
    @pytest.mark.parametrize("role", Role.values)
    @pytest.mark.django_db
    def test_an_unlisted_action_is_denied_to_every_role(self, users, role):
        class Closed(RolePermission):
            table = {"list": EVERYONE}

        class GaugeViewSet(ViewSet):
            permission_classes = [Closed]

            def list(self, request):
                return Response([])

            def calibrate(self, request):
                return Response({})

        view = GaugeViewSet.as_view({"get": "list", "post": "calibrate"})
        listed, unlisted = APIRequestFactory().get("/gauges"), APIRequestFactory().post("/gauges")
        for request in (listed, unlisted):
            force_authenticate(request, users[role])

        assert view(listed).status_code == 200
        assert view(unlisted).status_code == 403

    @pytest.mark.django_db
    def test_a_view_that_names_no_permission_is_closed_to_the_administrator_too(self, users):
        class ForgottenViewSet(ViewSet):
            def list(self, request):
                return Response([])

        request = APIRequestFactory().get("/forgotten")
        force_authenticate(request, users["admin"])

        assert ForgottenViewSet.as_view({"get": "list"})(request).status_code == 403

    @pytest.mark.django_db
    def test_an_inactive_user_is_denied_whatever_the_table_says(self, users):
        users["admin"].is_active = False

        assert not is_allowed(users["admin"], "list", {"list": EVERYONE})

    def test_public_views_are_only_the_ones_that_the_contract_names(self):
        public = {
            pattern
            for pattern, resolved in all_patterns()
            if AllowAny in getattr(getattr(resolved.callback, "cls", None), "permission_classes", ())
        }

        expected = {pattern for pattern, methods in EXPECTED.items() if methods.get("POST", (0,))[0] == PUBLIC}
        expected |= {pattern for pattern, methods in EXPECTED.items() if methods.get("GET", (0,))[0] == PUBLIC}
        assert public == expected
