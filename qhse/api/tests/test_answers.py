"""A record is answered as the framework's own serializer would answer it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from rest_framework import serializers

from audit.api.serializers import AuditEntrySerializer
from audit.models import AuditEntry
from kpi.api.views import KpiSerializer
from kpi.selectors import current_kpi
from ncs.api.serializers import NonConformitySerializer
from ncs.models import NonConformity
from outbox.api.serializers import OutboxEventSerializer
from outbox.models import OutboxEvent
from qhse.api.answers import AnswerSerializer
from suppliers.api.serializers import SupplierDetailSerializer, SupplierSerializer
from suppliers.models import Supplier


@pytest.mark.django_db
def test_every_record_is_answered_as_by_the_frameworks_own_way(make_nc, make_supplier):
    make_nc(severity="high")
    make_supplier(name="Übermut GmbH", certification_expiry=date(2020, 2, 29))
    pairs = [
        *((SupplierSerializer, each) for each in Supplier.objects.all()),
        *((SupplierDetailSerializer, each) for each in Supplier.objects.all()),
        *((NonConformitySerializer, each) for each in NonConformity.objects.all()),
        *((AuditEntrySerializer, each) for each in AuditEntry.objects.all()),
        *((OutboxEventSerializer, each) for each in OutboxEvent.objects.all()),
        (KpiSerializer, current_kpi()),
    ]

    assert len({kind for kind, _ in pairs}) == 6
    for kind, record in pairs:
        serializer = kind(record)
        assert serializer.data == serializers.Serializer.to_representation(serializer, record)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), "2026-02-28T23:59:59Z"),
        (datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=UTC), "2026-02-28T23:59:59.000001Z"),
        (datetime(2026, 2, 28, tzinfo=timezone(timedelta(hours=2))), "2026-02-27T22:00:00Z"),
        (None, None),
    ],
)
def test_a_moment_is_answered_in_utc(moment, shown):
    class Gauge(AnswerSerializer):
        due = serializers.DateTimeField(allow_null=True)

    assert Gauge(SimpleNamespace(due=moment)).data == {"due": shown}


def test_what_several_fields_take_from_one_attribute_is_computed_once():
    class Gauge:
        computed = 0

        @property
        def state(self):
            self.computed += 1
            return SimpleNamespace(level="low", points=3)

    class GaugeSerializer(AnswerSerializer):
        level = serializers.CharField(source="state.level")
        points = serializers.IntegerField(source="state.points")

    gauge = Gauge()

    assert GaugeSerializer(gauge).data == {"level": "low", "points": 3}
    assert gauge.computed == 1
