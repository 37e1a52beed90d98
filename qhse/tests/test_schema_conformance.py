"""
The API keeps what its OpenAPI document says, for requests that schemathesis makes up from it.

Bounded and with the same examples in every run. An administrator asks, so that no refusal hides what lies behind
it; valid requests go to records that exist. Runs on PostgreSQL alone, which refuses more (NUL, numbers, lengths)
than SQLite does, and keeps the quick run quick.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ncs.services import open_action
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.webhooks.fanout import spread
from outbox.webhooks.services import create_webhook
from qhse.accounts.services.tokens import issue_tokens
from qhse.attachments.services import attach
from qhse.exchange.tests.previews import previewed
from qhse.wsgi import application
from suppliers.services import set_volume


def read_and_closed(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer as a server does. The client of schemathesis closes none: a file would stay open into later tests."""
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


# Requests are made up while tests are collected, which takes each process seconds. On SQLite none would be sent.
each_operation = (
    schemathesis.openapi.from_wsgi("/openapi.json", read_and_closed).parametrize()
    if connection.vendor == "postgresql"
    else pytest.mark.parametrize("case", ["each operation"])
)

# What JSON Schema cannot say: a supplier must exist, a name be new and visible, a day plausible, a token ours. Their
# acceptance is tested by hand beside each route.
RULES_BEYOND_THE_SCHEMA = {"POST", "PUT", "PATCH"}
# Nor that files belong to kinds of records that apps have named.
LISTS_OF_A_RECORD = {"/attachments"}
# Nor that a period ends after it begins, and not in the future; what can be read in a seed; what a dossier is of.
PERIODS = {"/kpi/quality", "/ncs/sample", "/dossiers"}


@pytest.fixture
def world(users, make_nc, make_supplier, make_certificate) -> dict[str, Any]:
    nc = make_nc()
    action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
    file = {"name": "bores.csv", "content": io.BytesIO(b"hole,mm\n1,12.08\n"), "actor": users["quality"]}
    attachment = attach(entity_type="nonconformity", entity_id=str(nc.pk), **file)
    figures = {"month": date(2026, 5, 1), "received_qty": 500, "defective_qty": 1}
    set_volume(supplier_id=nc.supplier_id, **figures, actor=users["procurement"])
    table = {"kind": "suppliers", "name": "a.csv", "content": b"Name;Country\nHansa;DE\n"}
    event = OutboxEvent.objects.latest("id")
    OutboxEvent.objects.filter(pk=event.pk).update(status=EventStatus.DEAD)
    webhook, _ = create_webhook(url="https://erp.example.com/", event_types=["*"], actor=users["admin"])
    make_supplier()
    spread()
    token = issue_tokens(users["admin"]).access_token
    return {
        "ids": {
            "supplier_id": nc.supplier_id,
            "nc_id": nc.pk,
            "action_id": action.pk,
            "certificate_id": make_certificate().pk,
            "attachment_id": attachment.pk,
            "event_id": str(event.event_id),
            "import_id": previewed(**table, mode="good_rows", actor=users["procurement"]).pk,
            "month": "2026-05",
            "webhook_id": webhook.pk,
            "delivery_id": webhook.deliveries.get().pk,
        },
        "another_supplier": make_supplier().pk,
        "headers": {"Authorization": f"Bearer {token}"},
    }


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.usefixtures("connection_stays_open")
@each_operation
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_allows(case, world):
    if case.meta.generation.mode.is_positive:
        case.path_parameters |= {name: world["ids"][name] for name in case.path_parameters}
        if isinstance(case.body, dict) and "supplier_id" in case.body:
            case.body["supplier_id"] = world["ids"]["supplier_id"]
        if isinstance(case.body, dict) and "into_id" in case.body:
            case.body["into_id"] = world["another_supplier"]

    is_beyond = case.method in RULES_BEYOND_THE_SCHEMA or case.path in LISTS_OF_A_RECORD | PERIODS
    case.call_and_validate(
        headers=world["headers"],
        excluded_checks=[positive_data_acceptance] if is_beyond else [],
    )
