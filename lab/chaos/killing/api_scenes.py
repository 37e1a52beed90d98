"""Scenes of the API and the admin site: their writes, and what opens and ends a login."""

from __future__ import annotations

from datetime import date
from typing import Any

from lab.chaos.instruments import wsgi_calls
from lab.chaos.instruments.laboratory import PASSWORD, Laboratory
from lab.chaos.killing.worker_scenes import WORKER_SCENES, Order, Scene, a_supplier, publish, user
from ncs.models import CorrectiveAction
from ncs.services import complete_action, open_action, open_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import create_user
from suppliers.services import submit_certificate, verify_certificate

DONE = (200, 201, 204, 302)

# --- The API, each write under an Idempotency-Key -------------------------------------------------------------------


def _order(role: str, kind: str, tag: str, **more: object) -> Order:
    return {"token": wsgi_calls.token_of(role), "key": tag, "write": (kind, tag), **more}


def _call(order: Order, method: str, path: str, body: dict[str, object]) -> int:
    return wsgi_calls.call_api(method, path, body, token=order["token"], key=order["key"])


def _prepare_supplier(lab: Laboratory, tag: str) -> Order:
    return _order("procurement", "supplier", tag)


def _create_supplier(order: Order) -> int:
    return _call(order, "POST", "/suppliers", {"name": order["write"][1], "certification_expiry": "2030-06-30"})


def _prepare_certification(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    return _order("procurement", "certification", tag, id=pk, stored=[stored])


def _set_certification(order: Order) -> int:
    body = {"certification_expiry": "2031-01-31", "reason": order["write"][1]}
    return _call(order, "PATCH", f"/suppliers/{order['id']}/certification", body)


def _prepare_nc(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    return _order("quality", "nc", tag, id=pk, stored=[stored])


def _create_nc(order: Order) -> int:
    body = {"supplier_id": order["id"], "severity": "high", "description": order["write"][1]}
    return _call(order, "POST", "/ncs", body)


def _prepare_close(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    nc = open_nonconformity(supplier_id=pk, severity="high", description=tag, actor=user("quality"))
    return _order("quality", "close", tag, id=nc.pk, stored=[stored, ("nc", tag)])


def _close_nc(order: Order) -> int:
    return _call(order, "PATCH", f"/ncs/{order['id']}/close", {"reason": order["write"][1]})


def _case_with_action(tag: str) -> tuple[CorrectiveAction, list[tuple[str, str]]]:
    """Store a case with an action that was completed by somebody else than who verifies it, and one that runs."""
    pk, stored = a_supplier(tag)
    nc = open_nonconformity(supplier_id=pk, severity="high", description=tag, actor=user("quality"))
    actions = [open_action(nc_id=nc.pk, kind="containment", title=tag, actor=user("quality")) for _ in range(2)]
    complete_action(action_id=actions[0].pk, note="Sorted", actor=user("quality"))
    return actions[0], [stored, ("nc", tag)]


def _prepare_void(lab: Laboratory, tag: str) -> Order:
    action, stored = _case_with_action(tag)
    return _order("quality", "close", tag, id=action.nc_id, stored=stored)


def _void_nc(order: Order) -> int:
    return _call(order, "PATCH", f"/ncs/{order['id']}/void", {"reason": order["write"][1]})


def _prepare_verification(lab: Laboratory, tag: str) -> Order:
    action, stored = _case_with_action(tag)
    return _order("admin", "verification", tag, id=action.pk, stored=stored)


def _verify_action(order: Order) -> int:
    body = {"effective": False, "note": order["write"][1]}
    return _call(order, "PATCH", f"/actions/{order['id']}/verify", body)


_DAYS: dict[str, Any] = {"valid_from": date(2023, 7, 1), "valid_to": date(2029, 6, 30)}


def _prepare_certificate(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    return _order("procurement", "certificate", tag, id=pk, stored=[stored])


def _submit_certificate(order: Order) -> int:
    days = {name: day.isoformat() for name, day in _DAYS.items()}
    body = {"supplier_id": order["id"], "standard": "iso_9001", "number": order["write"][1], "issuer": "DNV", **days}
    return _call(order, "POST", "/certificates", body)


def _prepare_renewal(lab: Laboratory, tag: str) -> Order:
    """Store a verified certificate and its renewal, which supersedes it when it is verified."""
    pk, stored = a_supplier(tag)
    plan: dict[str, Any] = {"supplier_id": pk, "standard": "iso_9001", "issuer": "DNV", "actor": user("procurement")}
    old = submit_certificate(**plan, **_DAYS, number=f"{tag} old")
    verify_certificate(certificate_id=old.pk, method="register", actor=user("quality"))
    days: dict[str, Any] = {"valid_from": date(2024, 7, 1), "valid_to": date(2030, 6, 30)}
    renewal = submit_certificate(**plan, **days, number=f"{tag} new", supersedes_id=old.pk)
    stored_too = [stored, ("certificate", old.number), ("certificate", renewal.number)]
    return _order("quality", "certificate verification", tag, id=renewal.pk, stored=stored_too)


def _verify_certificate(order: Order) -> int:
    body: dict[str, object] = {"method": "register", "ref": order["write"][1]}
    return _call(order, "PATCH", f"/certificates/{order['id']}/verify", body)


def _prepare_merger(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    left, also_stored = a_supplier(f"{tag}, left")
    open_nonconformity(supplier_id=pk, severity="high", description=tag, actor=user("quality"))
    return _order("admin", "merger", tag, id=pk, into=left, stored=[stored, also_stored, ("nc", tag)])


def _merge_supplier(order: Order) -> int:
    body = {"into_id": order["into"], "reason": order["write"][1]}
    return _call(order, "POST", f"/suppliers/{order['id']}/merge", body)


def _prepare_requeue(lab: Laboratory, tag: str) -> Order:
    stored = publish([(tag, 1, "")])
    event = OutboxEvent.objects.get(aggregate_id=tag)
    OutboxEvent.objects.filter(pk=event.pk).update(status=EventStatus.DEAD, attempts=10, last_error="chaos: dead")
    # Whether it is requeued is for the killed one to decide: dead or not, it is where it should be.
    return _order("admin", "requeue", tag, id=str(event.event_id), stored=stored, dead=[f"{tag}/1"])


def _requeue(order: Order) -> int:
    return _call(order, "POST", f"/outbox/events/{order['id']}/requeue", {"reason": order["write"][1]})


# --- Logins -------------------------------------------------------------------------------------------------------


def _prepare_login(lab: Laboratory, tag: str) -> Order:
    return {}


def _log_in(order: Order) -> int:
    return wsgi_calls.call_api("POST", "/auth/login", {"username": "quality", "password": PASSWORD})


def _prepare_refresh(lab: Laboratory, tag: str) -> Order:
    return {"refresh_token": issue_tokens(user("quality")).refresh_token}


def _refresh(order: Order) -> int:
    return wsgi_calls.call_api("POST", "/auth/refresh", {"refresh_token": order["refresh_token"]})


def _log_out(order: Order) -> int:
    return wsgi_calls.call_api("POST", "/auth/logout", {"refresh_token": order["refresh_token"]})


# --- The admin site -----------------------------------------------------------------------------------------------


def _prepare_user(lab: Laboratory, tag: str) -> Order:
    pk = create_user(username=tag, password=None, role=Role.AUDITOR, actor=None).pk
    return {"session": wsgi_calls.session_of("admin"), "id": pk, "write": ("user", f"{tag}@example.com")}


def _change_user(order: Order) -> int:
    fields = {"role": "auditor", "is_active": "on", "email": order["write"][1], "first_name": "", "last_name": ""}
    path = f"/admin/accounts/user/{order['id']}/change/"
    return wsgi_calls.post_form(path, fields | {"new_password": "", "reason": "moved"}, session=order["session"])


def _prepare_form(lab: Laboratory, tag: str) -> Order:
    return {"session": wsgi_calls.session_of("admin"), "write": ("supplier", tag)}


def _add_supplier(order: Order) -> int:
    fields = {"name": order["write"][1], "certification_expiry": "2030-06-30"}
    return wsgi_calls.post_form("/admin/suppliers/supplier/add/", fields, session=order["session"])


def _prepare_nc_form(lab: Laboratory, tag: str) -> Order:
    pk, stored = a_supplier(tag)
    return {"session": wsgi_calls.session_of("admin"), "id": pk, "stored": [stored], "write": ("nc", tag)}


def _add_nc(order: Order) -> int:
    fields = {"supplier": str(order["id"]), "severity": "high", "description": order["write"][1]}
    return wsgi_calls.post_form("/admin/ncs/nonconformity/add/", fields, session=order["session"])


API_SCENES = (
    Scene("api-create-supplier", _prepare_supplier, _create_supplier, again=(201,)),
    Scene("api-certification", _prepare_certification, _set_certification, again=(200,)),
    Scene("api-merge-supplier", _prepare_merger, _merge_supplier, again=(200,)),
    Scene("api-create-nc", _prepare_nc, _create_nc, again=(201,)),
    Scene("api-close-nc", _prepare_close, _close_nc, again=(200,)),
    Scene("api-void-nc", _prepare_void, _void_nc, again=(200,)),
    Scene("api-verify-action", _prepare_verification, _verify_action, again=(200,)),
    Scene("api-submit-certificate", _prepare_certificate, _submit_certificate, again=(201,)),
    Scene("api-verify-certificate", _prepare_renewal, _verify_certificate, again=(200,)),
    Scene("api-requeue", _prepare_requeue, _requeue, again=(200,)),
    Scene("api-login", _prepare_login, _log_in, again=(200,)),
    # 401 where the token had been spent, or its family ended: who has lost the answer logs in again, or is out.
    Scene("api-refresh", _prepare_refresh, _refresh, again=(200, 401)),
    Scene("api-logout", _prepare_refresh, _log_out, again=(204, 401)),
    Scene("admin-change-user", _prepare_user, _change_user),
    Scene("admin-add-supplier", _prepare_form, _add_supplier),
    Scene("admin-add-nc", _prepare_nc_form, _add_nc),
)
SCENES = WORKER_SCENES + API_SCENES
