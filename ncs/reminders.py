"""
What time makes true: a case or an action is overdue, containment is late. Each is told once, by an event.

A row keeps for which due date it has been told. So nothing is told twice, however many workers look at once. Days on
which no worker ran are caught up. Who sets another due date takes the mark away, so that it is told as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.services import entry_for, record_all
from ncs.choices import NcStatus
from ncs.events import ActionOverdue, ContainmentLate, NonConformityOverdue
from ncs.models import CorrectiveAction, NonConformity
from ncs.services.storing import iso
from outbox.events import DomainEvent
from outbox.publisher import publish_all
from qhse import clock
from qhse.database import bound_transaction

AT_ONCE = 100
"""Rows of one piece: 0.15 s of a worker's time, which events meanwhile wait."""


@transaction.atomic
def remind() -> bool:
    """
    Tell what has become late and has not been told: of each kind at most AT_ONCE rows. True if there may be more.

    Mark, audit entry and event of each row are stored together or not at all. Locks the rows, and passes over those
    that somebody has locked: they are told the next time.
    """
    bound_transaction(lock=1, statement=5)
    return any([_remind_of_cases(), _remind_of_containment(), _remind_of_actions()])


def _remind_of_cases() -> bool:
    late = NonConformity.objects.annotate(day=clock.TODAY).overdue(today=clock.TODAY).filter(overdue_told=None)

    def told(nc: Any) -> DomainEvent:
        return NonConformityOverdue(
            nc_id=nc.pk, supplier_id=nc.supplier_id, severity=nc.severity, due_on=str(iso(nc.due_on)),
            days_late=(nc.day - nc.due_on).days, owner_id=nc.owner_id,
        )  # fmt: skip

    return _tell(late.order_by("due_on", "id"), "nonconformity", "overdue_told", lambda nc: nc.due_on, told)


def _remind_of_containment() -> bool:
    past = Q(pk=None)
    for severity, hours in settings.NC_CONTAINMENT_HOURS.items():
        past |= Q(severity=severity, created_at__lt=Now() - timedelta(hours=hours))
    late = NonConformity.objects.open().filter(past, containment="", containment_told=False)

    def told(nc: Any) -> DomainEvent:
        return ContainmentLate(
            nc_id=nc.pk, supplier_id=nc.supplier_id, severity=nc.severity,
            hours=settings.NC_CONTAINMENT_HOURS[nc.severity], owner_id=nc.owner_id,
        )  # fmt: skip

    return _tell(late.order_by("id"), "nonconformity", "containment_told", lambda nc: True, told)


def _remind_of_actions() -> bool:
    running = CorrectiveAction.objects.annotate(day=clock.TODAY).select_related("nc")
    late = running.overdue(today=clock.TODAY).filter(overdue_told=None, nc__status=NcStatus.OPEN)

    def told(action: Any) -> DomainEvent:
        return ActionOverdue(
            nc_id=action.nc_id, supplier_id=action.nc.supplier_id, action_id=action.pk, kind=action.kind,
            owner_id=action.owner_id, contact=action.contact, due_on=str(iso(action.due_on)),
            days_late=(action.day - action.due_on).days,
        )  # fmt: skip

    return _tell(late.order_by("due_on", "id"), "action", "overdue_told", lambda action: action.due_on, told)


_ACTIONS = {NonConformityOverdue: "NC_OVERDUE", ContainmentLate: "NC_CONTAINMENT_LATE", ActionOverdue: "CAPA_OVERDUE"}


def _tell(late: Any, kind: str, mark: str, value_of: Callable[[Any], Any], told: Callable[[Any], DomainEvent]) -> bool:
    """Tell of these rows, and mark them. Their version stays: nobody has changed them."""
    rows = list(late.select_for_update(no_key=True, skip_locked=True, of=("self",))[:AT_ONCE])
    if not rows:
        return False
    entries, events = [], []
    for row in rows:
        event, before = told(row), getattr(row, mark)
        setattr(row, mark, value_of(row))
        entries.append(entry_for(
            actor=None, action=_ACTIONS[type(event)], entity_type=kind, entity_id=row.pk,
            changes={mark: (before, value_of(row))}, reason="",
        ))  # fmt: skip
        events.append((event, None))
    type(rows[0])._default_manager.bulk_update(rows, [mark])
    _store(entries, events)
    return len(rows) == AT_ONCE


def _store(entries: Iterable[Any], events: Sequence[tuple[DomainEvent, str | None]]) -> None:
    record_all(entries)
    publish_all(events, actor=None)
