"""Browsers of each role, and one record of each kind to open in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.services.users import create_user
from suppliers.models import Supplier

REQUEST_ID = "admin-test-7"
TRACEBACK = "KeyError: 'lot'\n\nTraceback (most recent call last):\n  File \"handlers.py\", line 7, in reassess"

Browser = Callable[..., Client]


@dataclass
class Records:
    """One record of each kind that the admin has a page for."""

    supplier: Supplier
    open_nc: NonConformity
    closed_nc: NonConformity
    dead_event: OutboxEvent
    pending_event: OutboxEvent
    entry: AuditEntry
    user: User


@pytest.fixture
def browser(users: dict[str, Any]) -> Browser:
    """Return a browser in which a user of this role, or this user, is logged in; None is nobody."""

    def open_browser(who: Any = None, **options: Any) -> Client:
        headers = {"X-Request-ID": REQUEST_ID} | options.pop("headers", {})
        client = Client(headers=headers, **options)
        if who is not None:
            client.force_login(users[who] if isinstance(who, str) else who)
        return client

    return open_browser


@pytest.fixture
def records(users: dict[str, Any], make_supplier: Any, make_nc: Any) -> Records:
    supplier = make_supplier(name="Hansa Forge GmbH")
    open_nc = make_nc(supplier_id=supplier.pk, severity="high")
    closed_nc = make_nc(
        supplier_id=supplier.pk, severity="low", description="Delivery 4812: labels without batch number"
    )
    closed_nc = close_nonconformity(nc_id=closed_nc.pk, actor=users["quality"], reason="Relabelled and inspected")
    dead = OutboxEvent.objects.filter(event_type="NC_CREATED").earliest("id")
    OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD, attempts=10, last_error=TRACEBACK)
    dead.refresh_from_db()
    return Records(
        supplier=supplier,
        open_nc=open_nc,
        closed_nc=closed_nc,
        dead_event=dead,
        pending_event=OutboxEvent.objects.filter(event_type="NC_CLOSED").get(),
        entry=AuditEntry.objects.filter(action="NC_CREATED").earliest("id"),
        user=create_user(
            username="miller", password="turned-steel-shaft-9", role="quality", actor=users["admin"], is_staff=True
        ),
    )


@pytest.fixture
def traces(db: None) -> Callable[[], tuple[int, ...]]:
    """Count what a write could leave anywhere, Django's own admin log included, without the note of a refusal."""

    def count() -> tuple[int, ...]:
        rows = [model._default_manager.count() for model in (Supplier, NonConformity, User, OutboxEvent, LogEntry)]
        return (*rows, AuditEntry.objects.exclude(action="ACCESS_DENIED").count())

    return count


def newest_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content
