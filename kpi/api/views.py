"""`/kpi`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kpi.permissions import KpiPermission
from kpi.selectors import current_kpi
from qhse.api.answers import AnswerSerializer
from qhse.api.replica_reads import dated
from qhse.api.viewsets import ApiViewSet
from qhse.replica.reading import Reader


class KpiSerializer(AnswerSerializer[Any]):
    as_of = serializers.DateTimeField()
    nc_total = serializers.IntegerField()
    nc_open = serializers.IntegerField()
    nc_open_high = serializers.IntegerField()
    nc_open_medium = serializers.IntegerField()
    nc_open_low = serializers.IntegerField()
    nc_closed = serializers.IntegerField()
    suppliers_total = serializers.IntegerField()
    suppliers_at_risk = serializers.IntegerField(help_text="Expired certification, or an open NC of severity high.")
    certifications_expired = serializers.IntegerField()
    certifications_expiring_90_days = serializers.IntegerField()
    certifications_unknown = serializers.IntegerField()
    outbox_pending = serializers.IntegerField()
    outbox_failed = serializers.IntegerField(help_text="Dead events, which a person has to look at.")
    outbox_oldest_pending_seconds = serializers.FloatField(allow_null=True)
    audit_events_total = serializers.IntegerField()


class KpiViewSet(ApiViewSet):
    permission_classes = [KpiPermission]
    pagination_class = None
    filter_backends = []
    serializer_class = KpiSerializer

    @extend_schema(tags=["kpi"], summary="Key figures, exact at the moment of reading", responses=KpiSerializer)
    def retrieve(self, request: Request) -> Response:
        reader = Reader(request.user, exact=True)
        kpi = reader.read(lambda using: current_kpi(using=using))
        return dated(Response(KpiSerializer(kpi).data), reader)  # type: ignore[no-any-return]
