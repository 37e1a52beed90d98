"""`/ncs`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import TimelineViewSet
from ncs.api.filters import NonConformityFilter
from ncs.api.serializers import CloseSerializer, NonConformityCreateSerializer, NonConformitySerializer
from ncs.errors import NonConformityNotFound
from ncs.models import NonConformity
from ncs.permissions import NonConformityPermission
from ncs.selectors import kept_count
from ncs.services import close_nonconformity, open_nonconformity
from qhse.api.openapi.schema import conflict
from qhse.api.pagination import Count, StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from qhse.queries import WrittenList


class NonConformityPagination(StrictLimitOffsetPagination):
    def count_of(self, written: WrittenList) -> Count:
        kept = kept_count(**(self.chosen or {}))
        return super().count_of(written) if kept is None else Count(kept)


@extend_schema(tags=["non-conformities"])
@extend_schema_view(list=extend_schema(summary="List non-conformities, newest first"))
class NonConformityViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [NonConformityPermission]
    queryset = NonConformity.objects.order_by("-id")
    serializer_class = NonConformitySerializer
    filterset_class = NonConformityFilter
    pagination_class = NonConformityPagination
    may_be_empty = ("search",)
    honours_if_match = ("close",)
    has_etag = ("create", "retrieve", "close")

    @extend_schema(
        summary="Record a non-conformity",
        request=NonConformityCreateSerializer,
        responses={201: NonConformitySerializer},
        examples=[
            OpenApiExample(
                "A severe one",
                value={
                    "supplier_id": 1,
                    "severity": "high",
                    "description": "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm, 40 of 200 parts",
                },
                request_only=True,
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """It starts OPEN. The worker then reassesses the supplier's risk."""
        body = self.validated(NonConformityCreateSerializer)
        nc = open_nonconformity(**body, actor=request.user)  # type: ignore[arg-type]
        return _answer(nc, status.HTTP_201_CREATED)

    @extend_schema(summary="One non-conformity", responses=NonConformitySerializer)
    def retrieve(self, request: Request, nc_id: int) -> Response:
        nc = _by_id.first(id=nc_id)
        if nc is None:
            raise NonConformityNotFound(f"There is no non-conformity {nc_id}.")
        return _answer(nc)

    @extend_schema(
        summary="Close a non-conformity",
        request=CloseSerializer,
        responses={
            200: NonConformitySerializer,
            **conflict("A rule forbids closing it; `detail` says what is missing"),
        },
        examples=[
            OpenApiExample("With a reason", value={"reason": "Lot sorted, 8D report accepted"}, request_only=True)
        ],
    )
    @repeatable
    def close(self, request: Request, nc_id: int) -> Response:
        """Closing a closed one answers 200 and changes nothing. The body may be absent."""
        body = self.validated(CloseSerializer)
        nc = close_nonconformity(
            nc_id=nc_id,
            **body,
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        return _answer(nc)


@extend_schema(tags=["non-conformities"])
@extend_schema_view(list=extend_schema(summary="What happened to a non-conformity, newest first"))
class NonConformityTimelineViewSet(TimelineViewSet):
    entity_type = "nonconformity"


_by_id = WrittenList(NonConformity, columns=["id"])


def _answer(nc: NonConformity, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(NonConformitySerializer(nc).data, status=status_code, headers={"ETag": etag_of(nc.version)})
