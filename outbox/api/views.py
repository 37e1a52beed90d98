"""`/outbox/events`: what operators see of the outbox; requeue and dismiss."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import django_filters as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from outbox.api.serializers import DismissSerializer, OutboxEventSerializer, RequeueSerializer
from outbox.choices import EventStatus
from outbox.errors import OutboxEventNotFound
from outbox.models import OutboxEvent
from outbox.permissions import OutboxPermission
from outbox.services import dismiss_dead_event, requeue_dead_event
from qhse.api.filters import OneOfFilter, TextFilter
from qhse.api.openapi.schema import conflict
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable


class OutboxEventFilter(filters.FilterSet):
    status = OneOfFilter(choices=EventStatus.choices)
    event_type = TextFilter(max_length=100)
    aggregate_type = TextFilter(max_length=50)
    aggregate_id = TextFilter(max_length=64)

    class Meta:
        model = OutboxEvent
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["outbox"])
@extend_schema_view(list=extend_schema(summary="List outbox events, newest first"))
class OutboxEventViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [OutboxPermission]
    queryset = OutboxEvent.objects.order_by("-id")
    serializer_class = OutboxEventSerializer
    filterset_class = OutboxEventFilter

    @extend_schema(summary="One outbox event")
    def retrieve(self, request: Request, event_id: UUID) -> Response:
        event = self.get_queryset().filter(event_id=event_id).first()
        if event is None:
            raise OutboxEventNotFound("There is no such outbox event.")
        return Response(OutboxEventSerializer(event).data)

    @extend_schema(
        summary="Put a dead event back to pending",
        request=RequeueSerializer,
        responses={200: OutboxEventSerializer, **conflict("The event is not dead")},
        examples=[
            OpenApiExample("After a repair", value={"reason": "Handler mended in release 1.4.2"}, request_only=True)
        ],
    )
    @repeatable
    def requeue(self, request: Request, event_id: UUID) -> Response:
        """Its attempts are counted anew. Handlers that had already handled it do not run again."""
        body = self.validated(RequeueSerializer)
        event = requeue_dead_event(event_id=event_id, actor=request.user, reason=body["reason"])  # type: ignore[arg-type]
        return Response(OutboxEventSerializer(event).data)

    @extend_schema(
        summary="Dismiss a dead event for ever",
        request=DismissSerializer,
        responses={200: OutboxEventSerializer, **conflict("The event is not dead")},
        examples=[
            OpenApiExample(
                "One that can never work", value={"reason": "A test import; its supplier never existed"},
                request_only=True,
            )
        ],
    )  # fmt: skip
    @repeatable
    def dismiss(self, request: Request, event_id: UUID) -> Response:
        """It is never handled. Nobody can take that back. Effects of handlers that had already handled it stay."""
        body = self.validated(DismissSerializer)
        event = dismiss_dead_event(event_id=event_id, actor=request.user, reason=body["reason"])  # type: ignore[arg-type]
        return Response(OutboxEventSerializer(event).data)
