"""Browsers of each role, and one record of each kind to open in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from audit.models import AuditEntry
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import cancel_action, close_nonconformity, open_action
from outbox.choices import EventStatus, OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import change_webhook, create_webhook
from qhse.accounts.models import User
from qhse.accounts.services.users import create_user
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach, void_attachment
from qhse.exchange.models import ImportJob
from qhse.exchange.tests.previews import previewed
from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.services import set_volume

REQUEST_ID = "admin-test-7"
TRACEBACK = "KeyError: 'lot'\n\nTraceback (most recent call last):\n  File \"handlers.py\", line 7, in reassess"


@pytest.fixture(autouse=True)
def without_gate(settings):
    """These tests are about pages. What a closing asks for is tested with the cases."""
    settings.NC_CLOSE_GATE = {"api": "record", "admin": "record"}


Browser = Callable[..., Client]


@dataclass
class Records:
    """One record of each kind that the admin has a page for."""

    supplier: Supplier
    certificate: Certificate
    open_nc: NonConformity
    closed_nc: NonConformity
    action: CorrectiveAction
    void_file: Attachment
    dead_event: OutboxEvent
    pending_event: OutboxEvent
    entry: AuditEntry
    volume: SupplierVolume
    job: ImportJob
    user: User
    webhook: WebhookEndpoint
    delivery: WebhookDelivery
    message: Outgoing


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
def records(users: dict[str, Any], make_supplier: Any, make_nc: Any, make_certificate: Any) -> Records:
    supplier = make_supplier(name="Hansa Forge GmbH")
    open_nc = make_nc(supplier_id=supplier.pk, severity="high")
    closed_nc = make_nc(
        supplier_id=supplier.pk, severity="low", description="Delivery 4812: labels without batch number"
    )
    action = open_action(nc_id=closed_nc.pk, kind="correction", title="Relabel 40 boxes", actor=users["quality"])
    cancel_action(action_id=action.pk, reason="The supplier does it", actor=users["quality"])
    closed_nc = close_nonconformity(nc_id=closed_nc.pk, actor=users["quality"], reason="Relabelled and inspected")
    file = attach(
        entity_type="nonconformity", entity_id=str(open_nc.pk), name="bore.txt", content=io.BytesIO(b"12.08 mm"),
        actor=users["quality"],
    )  # fmt: skip
    dead = OutboxEvent.objects.filter(event_type="NC_CREATED").earliest("id")
    OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD, attempts=10, last_error=TRACEBACK)
    dead.refresh_from_db()
    # Paused, so that what tests publish makes no rows for it.
    webhook, _ = create_webhook(url="https://erp.example.com/hooks", event_types=["*"], actor=users["admin"])
    change_webhook(webhook_id=webhook.pk, changes={"is_active": False}, actor=users["admin"])
    return Records(
        supplier=supplier,
        certificate=make_certificate(supplier_id=supplier.pk),
        open_nc=open_nc,
        closed_nc=closed_nc,
        action=action,
        void_file=void_attachment(attachment_id=file.pk, reason="Another lot", actor=users["quality"]),
        dead_event=dead,
        pending_event=OutboxEvent.objects.filter(event_type="NC_CLOSED").get(),
        entry=AuditEntry.objects.filter(action="NC_CREATED").earliest("id"),
        volume=set_volume(
            supplier_id=supplier.pk, month=date(2026, 5, 1), received_qty=500, defective_qty=1, actor=users["admin"]
        ),
        job=previewed(
            kind="suppliers",
            name="suppliers.csv",
            content=b"Name;Country\nRossi S.p.A.;IT\n",
            mode="all_or_nothing",
            actor=users["procurement"],
        ),
        user=create_user(
            username="miller", password="turned-steel-shaft-9", role="quality", actor=users["admin"], is_staff=True
        ),
        webhook=webhook,
        delivery=WebhookDelivery.objects.create(
            endpoint=webhook,
            event_id=dead.event_id,
            sequence=dead.pk,
            event_type=dead.event_type,
            subject=f"nonconformity/{dead.aggregate_id}",
            body="{}",
            status="FAILED",
            ended_at=dead.created_at,
        ),
        message=Outgoing.objects.create(
            channel=BROKER,
            lane=0,
            key=0,
            event=dead.pk,
            state=OutgoingState.ASIDE,
            attempts=10,
            last_error="no route to any queue",
        ),
    )  # fmt: skip


@pytest.fixture
def traces(db: None) -> Callable[[], tuple[int, ...]]:
    """Count what a write could leave anywhere, Django's own admin log included, without the note of a refusal."""

    def count() -> tuple[int, ...]:
        rows = [
            model._default_manager.count()
            for model in (Supplier, Certificate, NonConformity, User, OutboxEvent, LogEntry)
        ]
        return (*rows, AuditEntry.objects.exclude(action="ACCESS_DENIED").count())

    return count


def newest_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-id")[0]


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content
