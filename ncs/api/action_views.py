"""`/actions`, the actions of a case, and `/me/work`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import TimelineViewSet
from ncs.api.action_serializers import (
    ActionChangeSerializer,
    ActionCreateSerializer,
    ActionSerializer,
    CompleteSerializer,
    OwnerSerializer,
    VerifySerializer,
    WorkSerializer,
)
from ncs.api.filters import ActionFilter
from ncs.api.serializers import ReasonSerializer
from ncs.errors import ActionNotFound
from ncs.models import CorrectiveAction
from ncs.permissions import ActionPermission, OwnersPermission, WorkPermission
from ncs.services import (
    cancel_action,
    change_action,
    complete_action,
    open_action,
    start_action,
    verify_action,
)
from ncs.services.people import owners
from ncs.work import work_of
from qhse.api.openapi.schema import conflict, example
from qhse.api.pagination import StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet, NothingSerializer
from qhse.api.writes import repeatable
from qhse.queries import WrittenList


class OwnersPagination(StrictLimitOffsetPagination):
    query_parameters = ("limit", "offset")  # a key goes with no order by name


@extend_schema(tags=["non-conformities"])
@extend_schema_view(list=extend_schema(summary="Who may own cases and actions, by name"))
class OwnersViewSet(ListModelMixin, ApiViewSet):
    """Those whose numbers `owner_id` takes: active users who work on cases."""

    permission_classes = [OwnersPermission]
    serializer_class = OwnerSerializer
    queryset = owners()
    pagination_class = OwnersPagination


@extend_schema(tags=["actions"])
class CaseActionsViewSet(ApiViewSet):
    permission_classes = [ActionPermission]
    queryset = CorrectiveAction.objects.none()
    serializer_class = ActionSerializer
    honours_if_match = ("create",)
    has_etag = ("create",)

    @extend_schema(
        summary="Agree on an action on an open non-conformity",
        request=ActionCreateSerializer,
        responses={201: ActionSerializer, **conflict("The non-conformity is closed")},
        examples=[example({"kind": "corrective", "title": "Tool change at 5,000 strokes", "due_on": "2027-01-31"})],
    )
    @repeatable
    def create(self, request: Request, nc_id: int) -> Response:
        """If-Match names the version of the non-conformity, the answer's ETag that of the action."""
        body = self.validated(ActionCreateSerializer)
        action = open_action(
            nc_id=nc_id,
            **body,
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        return _answer(action, status.HTTP_201_CREATED)


@extend_schema(tags=["actions"])
@extend_schema_view(list=extend_schema(summary="List actions, newest first"))
class ActionViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [ActionPermission]
    queryset = CorrectiveAction.objects.order_by("-id")
    serializer_class = ActionSerializer
    filterset_class = ActionFilter
    honours_if_match = ("change", "start", "complete", "verify", "cancel")
    has_etag = ("retrieve", *honours_if_match)

    @extend_schema(summary="One action", responses=ActionSerializer)
    def retrieve(self, request: Request, action_id: int) -> Response:
        action = _by_id.first(id=action_id)
        if action is None:
            raise ActionNotFound(f"There is no action {action_id}.")
        return _answer(action)

    @extend_schema(
        summary="Change title, owner, contact or due date of an action",
        request=ActionChangeSerializer,
        responses={200: ActionSerializer, **conflict("It is completed or cancelled, or its non-conformity closed")},
        examples=[example({"due_on": "2027-02-28", "reason": "The tool comes late"})],
    )
    @repeatable
    def change(self, request: Request, action_id: int) -> Response:
        """Only what is given changes. Another due date asks for a reason."""
        body = self.validated(ActionChangeSerializer)
        why = body.pop("reason")
        return self._step(request, change_action, action_id, values=body, reason=why)

    @extend_schema(
        summary="Begin an action",
        request=NothingSerializer,
        responses={200: ActionSerializer, **conflict("It cannot begin")},
        examples=[example({})],
    )
    @repeatable
    def start(self, request: Request, action_id: int) -> Response:
        """One that has begun answers 200, and nothing changes."""
        return self._step(request, start_action, action_id, **self.validated(NothingSerializer))

    @extend_schema(
        summary="Complete an action",
        request=CompleteSerializer,
        responses={200: ActionSerializer, **conflict("It has not begun, or is completed")},
        examples=[example({"note": "Interval stands in the maintenance plan since 12 January"})],
    )
    @repeatable
    def complete(self, request: Request, action_id: int) -> Response:
        """Containment may be completed before it was said to have begun."""
        return self._step(request, complete_action, action_id, **self.validated(CompleteSerializer))

    @extend_schema(
        summary="Verify whether an action helped",
        request=VerifySerializer,
        responses={200: ActionSerializer, **conflict("It is not completed, or is verified already")},
        examples=[example({"effective": True, "note": "No burr in the next three lots"})],
    )
    @repeatable
    def verify(self, request: Request, action_id: int) -> Response:
        """By somebody else than who completed it: 403 for them. If it did not help, another takes its place at once."""
        return self._step(request, verify_action, action_id, **self.validated(VerifySerializer))

    @extend_schema(
        summary="Cancel an action",
        request=ReasonSerializer,
        responses={200: ActionSerializer, **conflict("It is completed, or takes the place of an ineffective one")},
        examples=[example({"reason": "The part is not made any more"})],
    )
    @repeatable
    def cancel(self, request: Request, action_id: int) -> Response:
        """Cancelling a cancelled one answers 200 and changes nothing."""
        return self._step(request, cancel_action, action_id, **self.validated(ReasonSerializer))

    def _step(
        self, request: Request, service: Callable[..., CorrectiveAction], action_id: int, **body: Any
    ) -> Response:
        expected = expected_versions(request)
        return _answer(service(action_id=action_id, **body, actor=request.user, expected_versions=expected))


@extend_schema(tags=["actions"])
@extend_schema_view(list=extend_schema(summary="What happened to an action, newest first"))
class ActionTimelineViewSet(TimelineViewSet):
    entity_type = "action"


class WorkViewSet(ApiViewSet):
    permission_classes = [WorkPermission]
    pagination_class = None
    filter_backends = []
    serializer_class = WorkSerializer

    @extend_schema(tags=["actions"], summary="What waits for who asks, overdue first", responses=WorkSerializer)
    def retrieve(self, request: Request) -> Response:
        return Response(WorkSerializer(work_of(request.user)).data)  # type: ignore[arg-type]


_by_id = WrittenList(CorrectiveAction, columns=["id"])


def _answer(action: CorrectiveAction, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(ActionSerializer(action).data, status=status_code, headers={"ETag": etag_of(action.version)})
