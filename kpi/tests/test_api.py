"""`/kpi` counts exactly what is there at the moment of reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

CONTRACT = {
    "nc_open",
    "nc_open_high",
    "nc_closed",
    "outbox_pending",
    "outbox_failed",
    "suppliers_at_risk",
    "audit_events_total",
}


def test_an_empty_system_counts_zero(api):
    response = api("quality").get("/kpi")

    assert response.status_code == 200
    body = response.json()
    assert set(body) >= CONTRACT
    assert {body[name] for name in CONTRACT - {"audit_events_total"}} == {0}
    assert body["audit_events_total"] == 4  # the four users
    assert body["outbox_oldest_pending_seconds"] is None


def test_every_figure_equals_a_count_of_the_rows(api, users, make_supplier, make_nc):
    today = datetime.now(UTC).date()
    for days in (-400, -1, 0, 30, 90, 91, None):
        make_supplier(certification_expiry=None if days is None else today + timedelta(days=days))
    valid = Supplier.objects.filter(certification_expiry__gte=today).first()
    for severity in ("high", "high", "medium", "low", "low", "low"):
        make_nc(supplier_id=valid.pk, severity=severity)
    for severity in ("high", "low"):
        close_nonconformity(nc_id=NonConformity.objects.filter(severity=severity).first().pk, actor=users["quality"])
    dead = OutboxEvent.objects.order_by("id")[:3]
    OutboxEvent.objects.filter(pk__in=[event.pk for event in dead]).update(status=EventStatus.DEAD)

    body = api("auditor").get("/kpi").json()

    assert {name: body[name] for name in body if name.startswith("nc_")} == {
        "nc_total": 6,
        "nc_open": 4,
        "nc_open_high": 1,
        "nc_open_medium": 1,
        "nc_open_low": 2,
        "nc_closed": 2,
    }
    assert (body["suppliers_total"], body["suppliers_at_risk"]) == (7, 3)
    assert (body["certifications_expired"], body["certifications_unknown"]) == (2, 1)
    assert body["certifications_expiring_90_days"] == 3
    assert body["outbox_failed"] == 3
    assert body["outbox_pending"] == OutboxEvent.objects.pending().count() == 12
    assert body["audit_events_total"] == AuditEntry.objects.count()
    assert body["outbox_oldest_pending_seconds"] >= 0


def test_a_change_shows_in_the_next_reading(api, make_nc, drain):
    client = api("quality")
    nc = make_nc(severity="high")
    opened = client.get("/kpi").json()
    assert (opened["nc_open_high"], opened["suppliers_at_risk"], opened["outbox_pending"]) == (1, 1, 2)

    client.patch(f"/ncs/{nc.pk}/close")
    drain()

    closed = client.get("/kpi").json()
    assert (closed["nc_open_high"], closed["nc_closed"], closed["suppliers_at_risk"]) == (0, 1, 0)
    assert closed["outbox_pending"] == 0
    assert datetime.fromisoformat(closed["as_of"]) > datetime.fromisoformat(opened["as_of"])


@pytest.mark.parametrize("query", ["limit=1", "since=2026-01-01", "x=1"])
def test_it_takes_no_parameter(api, problem_of, query):
    problem = problem_of(api("quality").get(f"/kpi?{query}"), 400)

    assert [error["code"] for error in problem["errors"]] == ["unknown_parameter"]
