"""What is killed at every point: batches of the worker, pruning, and each write of the API and the admin site."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from audit import sealing
from audit.sealing import seal_new_entries
from audit.verification import Verification
from ncs.services import open_nonconformity
from outbox import periodic
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.chaos import wsgi_calls
from qhse.chaos.children import fork
from qhse.chaos.environment import with_own_bounds
from qhse.chaos.gauges import Conduct
from qhse.chaos.laboratory import Laboratory
from qhse.chaos.readings import Reading, publish_readings
from suppliers.services import create_supplier

Order = dict[str, Any]
"""What `prepare` leaves for `act`, and tells the laboratory: `stored` (kind, token), `write` (kind, token), `dead`."""

DONE = (200, 201, 204, 302)


@dataclass(frozen=True, slots=True)
class Scene:
    """
    `prepare` runs in the child that will be killed, before its points count; `act` is killed.

    `recover` runs in a process of its own after each kill, once or more often, and must leave nothing pending.
    """

    name: str
    prepare: Callable[[Laboratory, str], Order]
    act: Callable[[Order], int | None]
    recover: Callable[[], None] | None = None
    pruned: bool = False


# --- The worker ---------------------------------------------------------------------------------------------------


def _worker(*options: str) -> None:
    with_own_bounds()
    settings.OUTBOX_BACKOFF_BASE = 0.0  # so that a drain does not end while an event waits for its retry
    periodic.jobs.clear()  # they have a scene of their own
    call_command("run_outbox_worker", "--drain", *options)


def _publish(readings: Sequence[Reading]) -> list[tuple[str, str]]:
    return [("reading", token) for token in publish_readings(readings)]


def _batch(conduct: str, conduct_together: str = "") -> Callable[[Laboratory, str], Order]:
    """Two events of one gauge, of which the first does as it is told, and one of another."""

    def prepare(lab: Laboratory, tag: str) -> Order:
        stored = _publish([(tag, 1, conduct), (f"{tag}-b", 1, conduct_together), (tag, 2, "")])
        return {"stored": stored, "dead": [f"{tag}/1"] if conduct == "fail" else []}

    return prepare


def _risk_changes(lab: Laboratory, tag: str) -> Order:
    """A supplier whose certification has expired: the handler changes its risk, and publishes that."""
    create_supplier(name=tag, certification_expiry=date(2001, 1, 1), actor=_user("procurement"))
    return {"stored": [("supplier", tag), *_publish([(tag, 1, "")])]}


def _after_a_kill(lab: Laboratory, tag: str) -> Order:
    """A worker has just been killed with this batch in its hands."""
    order = _batch("die")(lab, tag)
    connection.close()

    def die() -> None:
        Conduct.deaths = lab.directory
        _worker()

    victim = fork("victim", die, log=lab.log("victim"))
    if victim.wait(30) != -signal.SIGKILL:
        raise RuntimeError(f"the first worker should have been killed: {victim.last_words()}")
    return order


def _handled_already(lab: Laboratory, tag: str) -> Order:
    """Events that have been handled, and one that has not."""
    order = _batch("")(lab, tag)
    _worker()
    order["stored"] += _publish([(f"{tag}-c", 1, "")])
    connection.close()
    return order


def _prune() -> None:
    with_own_bounds()
    call_command("prune_outbox", "--older-than", "0", "--batch-size", "2", verbosity=0)


def _prune_and_work() -> None:
    _prune()
    _worker()
    if OutboxEvent.objects.pending().exists():
        raise RuntimeError("an event was not handled")


def _entries(lab: Laboratory, tag: str) -> Order:
    stored = [_supplier(f"{tag}-{number}")[1] for number in range(5)]
    return {"stored": stored}


def _seal() -> None:
    with_own_bounds()
    sealing.BLOCK = 2
    while seal_new_entries(most_blocks=2).sealed:
        pass


def _seal_and_verify() -> None:
    _seal()
    verification = Verification()
    findings = [str(finding) for finding in verification.run()]
    if findings or verification.summary.unsealed:
        raise RuntimeError(f"{verification.summary.unsealed} entries are not sealed; {findings}")
    _worker()


def _recover() -> None:
    _worker()


def _recover_strictly() -> None:
    _worker("--max-attempts", "2")


WORKER_SCENES = (
    Scene("worker-success", _batch(""), lambda order: _worker(), _recover),
    Scene("worker-risk", _risk_changes, lambda order: _worker(), _recover),
    Scene("worker-failure", _batch("fail:1"), lambda order: _worker(), _recover),
    Scene("worker-failure-set", _batch("", "fail-together:1"), lambda order: _worker(), _recover),
    Scene("worker-dead", _batch("fail"), lambda order: _worker("--max-attempts", "2"), _recover_strictly),
    Scene("worker-after-kill", _after_a_kill, lambda order: _worker(), _recover),
    Scene("seal", _entries, lambda order: _seal(), _seal_and_verify),
    Scene("prune", _handled_already, lambda order: _prune(), _prune_and_work, pruned=True),
)

# --- The API and the admin site -----------------------------------------------------------------------------------


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _supplier(tag: str) -> tuple[int, tuple[str, str]]:
    return create_supplier(name=tag, actor=_user("procurement")).pk, ("supplier", tag)


def _prepare_supplier(lab: Laboratory, tag: str) -> Order:
    return {"token": wsgi_calls.token_of("procurement"), "write": ("supplier", tag)}


def _create_supplier(order: Order) -> int:
    body = {"name": order["write"][1], "certification_expiry": "2030-06-30"}
    return wsgi_calls.call_api("POST", "/suppliers", body, token=order["token"])


def _prepare_certification(lab: Laboratory, tag: str) -> Order:
    pk, stored = _supplier(tag)
    token = wsgi_calls.token_of("procurement")
    return {"token": token, "id": pk, "stored": [stored], "write": ("certification", tag)}


def _set_certification(order: Order) -> int:
    body = {"certification_expiry": "2031-01-31", "reason": order["write"][1]}
    return wsgi_calls.call_api("PATCH", f"/suppliers/{order['id']}/certification", body, token=order["token"])


def _prepare_nc(lab: Laboratory, tag: str) -> Order:
    pk, stored = _supplier(tag)
    return {"token": wsgi_calls.token_of("quality"), "id": pk, "stored": [stored], "write": ("nc", tag)}


def _create_nc(order: Order) -> int:
    body = {"supplier_id": order["id"], "severity": "high", "description": order["write"][1]}
    return wsgi_calls.call_api("POST", "/ncs", body, token=order["token"])


def _prepare_close(lab: Laboratory, tag: str) -> Order:
    pk, stored = _supplier(tag)
    nc = open_nonconformity(supplier_id=pk, severity="high", description=tag, actor=_user("quality"))
    token = wsgi_calls.token_of("quality")
    return {"token": token, "id": nc.pk, "stored": [stored, ("nc", tag)], "write": ("close", tag)}


def _close_nc(order: Order) -> int:
    body = {"reason": order["write"][1]}
    return wsgi_calls.call_api("PATCH", f"/ncs/{order['id']}/close", body, token=order["token"])


def _prepare_requeue(lab: Laboratory, tag: str) -> Order:
    stored = _publish([(tag, 1, "")])
    event = OutboxEvent.objects.get(aggregate_id=tag)
    OutboxEvent.objects.filter(pk=event.pk).update(status=EventStatus.DEAD, attempts=10, last_error="chaos: dead")
    token = wsgi_calls.token_of("admin")
    # Whether it is requeued is for the killed one to decide: dead or not, it is where it should be.
    return {
        "token": token,
        "id": str(event.event_id),
        "stored": stored,
        "write": ("requeue", tag),
        "dead": [f"{tag}/1"],
    }


def _requeue(order: Order) -> int:
    path = f"/outbox/events/{order['id']}/requeue"
    return wsgi_calls.call_api("POST", path, {"reason": order["write"][1]}, token=order["token"])


def _prepare_user(lab: Laboratory, tag: str) -> Order:
    from qhse.accounts.roles import Role
    from qhse.accounts.services import create_user

    user = create_user(username=tag, password=None, role=Role.AUDITOR, actor=None)
    return {"session": wsgi_calls.session_of("admin"), "id": user.pk, "write": ("user", f"{tag}@example.com")}


def _change_user(order: Order) -> int:
    fields = {"role": "auditor", "is_active": "on", "email": order["write"][1], "first_name": "", "last_name": ""}
    path = f"/admin/accounts/user/{order['id']}/change/"
    return wsgi_calls.post_form(path, fields | {"new_password": "", "reason": "moved"}, session=order["session"])


def run_drain() -> None:
    _worker()


API_SCENES = (
    Scene("api-create-supplier", _prepare_supplier, _create_supplier),
    Scene("api-certification", _prepare_certification, _set_certification),
    Scene("api-create-nc", _prepare_nc, _create_nc),
    Scene("api-close-nc", _prepare_close, _close_nc),
    Scene("api-requeue", _prepare_requeue, _requeue),
    Scene("admin-change-user", _prepare_user, _change_user),
)
SCENES = WORKER_SCENES + API_SCENES
