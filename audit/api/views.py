"""`/audit-log`: reading the trail. There is no route that writes it."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin

from audit.api.serializers import AuditEntrySerializer
from audit.models import AuditEntry
from audit.permissions import AuditPermission
from qhse.api.filters import MomentFilter, TextFilter
from qhse.api.viewsets import ApiViewSet


class AuditEntryFilter(filters.FilterSet):
    actor = TextFilter(max_length=150)
    action = TextFilter(max_length=50)
    entity_type = TextFilter(max_length=50)
    entity_id = TextFilter(max_length=64)
    request_id = TextFilter(max_length=64)
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["audit"])
@extend_schema_view(
    list=extend_schema(
        summary="The audit trail, newest first",
        description="`since` is included, `until` is not. Nothing changes or deletes an entry.",
    )
)
class AuditLogViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [AuditPermission]
    queryset = AuditEntry.objects.order_by("-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditEntryFilter
