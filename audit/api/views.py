"""`/audit-log` and the timelines of single records: reading the trail. There is no route that writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import AuditEntrySerializer
from audit.models import AuditEntry
from audit.permissions import AuditPermission
from audit.selectors import closed_count, count_since
from qhse.accounts.models import User
from qhse.api.filters import MomentFilter, TextFilter
from qhse.api.pagination import Count, Kept, StrictLimitOffsetPagination
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet
from qhse.errors import RecordNotFound


class ActorFilter(TextFilter):
    """Takes a name in any case and Unicode form. As written too: an entry bears the name of its time."""

    def filter(self, qs: Any, value: str) -> Any:
        return qs.filter(actor__in=User.objects.names_meant(value)) if value else qs


class AuditEntryFilter(filters.FilterSet):
    actor = ActorFilter(max_length=150, label="A user's name, in any case and Unicode form, or `system`")
    action = TextFilter(max_length=50)
    entity_type = TextFilter(max_length=50)
    entity_id = TextFilter(max_length=64)
    request_id = TextFilter(max_length=64)
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = []


class AuditLogPagination(StrictLimitOffsetPagination):
    def kept(self, chosen: Mapping[str, Any]) -> Kept | None:
        if chosen:
            return None
        closed = closed_count(using=self.using)
        if closed is None:
            return Kept(count_since(None), Count)
        (counted, moment), most = closed, self.most_counted
        return Kept(
            count_since(most + 1), lambda since: Count(counted + min(since, most), since <= most), {"moment": moment}
        )


@extend_schema(tags=["audit"])
@extend_schema_view(
    list=extend_schema(
        summary="The audit trail, newest first",
        description="`since` is included, `until` is not. Nothing changes or deletes an entry.",
    )
)
class AuditLogViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [AuditPermission]
    queryset = AuditEntry.objects.order_by("-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditEntryFilter
    pagination_class = AuditLogPagination


class TimelineViewSet(ReplicaListMixin, ApiViewSet):
    """
    The entries about one record, newest first. The app of the record names its `entity_type`.

    Every record has an entry since it was made, so one without any does not exist. Audit lies below the domain apps and
    asks none of their tables.
    """

    permission_classes = [AuditPermission]
    queryset = AuditEntry.objects.none()
    serializer_class = AuditEntrySerializer
    entity_type: ClassVar[str] = ""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        (entity_id,) = kwargs.values()
        self.queryset = AuditEntry.objects.about(self.entity_type, entity_id)
        if not self.queryset.exists():
            raise RecordNotFound(f"There is no {self.entity_type} {entity_id}.")
        return super().list(request)
