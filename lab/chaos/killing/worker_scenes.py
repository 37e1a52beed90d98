"""Scenes of a worker that is killed at every point: its batches, sealing, pruning."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from audit.proof import sealing
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from lab.chaos.instruments.children import fork
from lab.chaos.instruments.environment import with_own_bounds
from lab.chaos.instruments.gauges import Conduct
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.readings import Reading, publish_readings
from outbox.models import OutboxEvent
from qhse import periodic
from qhse.accounts.models import User
from suppliers.services import create_supplier

Order = dict[str, Any]
"""What `prepare` leaves for `act`, and tells the laboratory: `stored` (kind, token), `write` (kind, token), `dead`."""


@dataclass(frozen=True, slots=True)
class Scene:
    """
    One thing that a process does, and what follows when it is killed.

    `prepare` runs in the child that will be killed, before its points count. `act` is killed. `recover` runs after each
    kill, in a process of its own, up to three times; it must leave nothing pending.

    A client that has lost the answer repeats `act`. `again` holds the statuses that it may then get. With an
    Idempotency-Key in the order, the write has then happened, once.
    """

    name: str
    prepare: Callable[[Laboratory, str], Order]
    act: Callable[[Order], int | None]
    recover: Callable[[], None] | None = None
    pruned: bool = False
    again: tuple[int, ...] = ()


def user(name: str) -> User:
    return User.objects.get(username=name)


def a_supplier(tag: str) -> tuple[int, tuple[str, str]]:
    return create_supplier(name=tag, actor=user("procurement")).pk, ("supplier", tag)


def _worker(*options: str) -> None:
    with_own_bounds()
    settings.OUTBOX_BACKOFF_BASE = 0.0  # so that a drain does not end while an event waits for its retry
    periodic.jobs.clear()  # they have a scene of their own
    call_command("run_outbox_worker", "--drain", *options)


def publish(readings: Sequence[Reading]) -> list[tuple[str, str]]:
    return [("reading", token) for token in publish_readings(readings)]


def _batch(conduct: str, conduct_together: str = "") -> Callable[[Laboratory, str], Order]:
    """Two events of one gauge, of which the first does as it is told, and one of another."""

    def prepare(lab: Laboratory, tag: str) -> Order:
        stored = publish([(tag, 1, conduct), (f"{tag}-b", 1, conduct_together), (tag, 2, "")])
        return {"stored": stored, "dead": [f"{tag}/1"] if conduct == "fail" else []}

    return prepare


def _risk_changes(lab: Laboratory, tag: str) -> Order:
    """A supplier whose certification has expired: the handler changes its risk, and publishes that."""
    create_supplier(name=tag, certification_expiry=date(2001, 1, 1), actor=user("procurement"))
    return {"stored": [("supplier", tag), *publish([(tag, 1, "")])]}


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
    order["stored"] += publish([(f"{tag}-c", 1, "")])
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
    stored = [a_supplier(f"{tag}-{number}")[1] for number in range(5)]
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


def run_drain() -> None:
    _worker()


def _recover_strictly() -> None:
    _worker("--max-attempts", "2")


WORKER_SCENES = (
    Scene("worker-success", _batch(""), lambda order: _worker(), run_drain),
    Scene("worker-risk", _risk_changes, lambda order: _worker(), run_drain),
    Scene("worker-failure", _batch("fail:1"), lambda order: _worker(), run_drain),
    Scene("worker-failure-set", _batch("", "fail-together:1"), lambda order: _worker(), run_drain),
    Scene("worker-dead", _batch("fail"), lambda order: _worker("--max-attempts", "2"), _recover_strictly),
    Scene("worker-after-kill", _after_a_kill, lambda order: _worker(), run_drain),
    Scene("seal", _entries, lambda order: _seal(), _seal_and_verify),
    Scene("prune", _handled_already, lambda order: _prune(), _prune_and_work, pruned=True),
)
