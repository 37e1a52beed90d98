"""`/ncs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import TimelineViewSet
from ncs.api.filters import NonConformityFilter
from ncs.api.serializers import (
    LISTED,
    AnalyseSerializer,
    AssignSerializer,
    CloseSerializer,
    ContainSerializer,
    DisposeSerializer,
    NonConformityCorrectSerializer,
    NonConformityCreateSerializer,
    NonConformityDetailSerializer,
    NonConformityOpenedSerializer,
    NonConformitySerializer,
    ReasonSerializer,
)
from ncs.errors import NonConformityNotFound
from ncs.models import NonConformity
from ncs.permissions import NonConformityPermission
from ncs.selectors import kept_count
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    close_nonconformity,
    concede_nonconformity,
    contain_nonconformity,
    correct_nonconformity,
    dispose_nonconformity,
    open_nonconformity,
    reopen_nonconformity,
    void_nonconformity,
)
from qhse.api.openapi.schema import conflict, example
from qhse.api.pagination import Count, Kept, StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from qhse.queries import WrittenList


class NonConformityPagination(StrictLimitOffsetPagination):
    def kept(self, chosen: Mapping[str, Any]) -> Kept | None:
        number = kept_count(chosen)
        return None if number is None else Kept(number, Count)


@extend_schema(tags=["non-conformities"])
@extend_schema_view(list=extend_schema(summary="List non-conformities, newest first"))
class NonConformityViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [NonConformityPermission]
    queryset = NonConformity.objects.only(*LISTED).order_by("-id")
    serializer_class = NonConformitySerializer
    filterset_class = NonConformityFilter
    pagination_class = NonConformityPagination
    may_be_empty = ("search",)
    honours_if_match = (
        "correct", "assign", "contain", "analyse", "dispose", "concede", "close", "reopen", "void",
    )  # fmt: skip
    has_etag = ("create", "retrieve", *honours_if_match)

    @extend_schema(
        summary="Record a non-conformity",
        request=NonConformityCreateSerializer,
        responses={201: NonConformityOpenedSerializer},
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
        """
        It starts OPEN. The worker then reassesses the supplier's risk.

        `similar` names earlier cases of the supplier with the same part or category.
        """
        body = self.validated(NonConformityCreateSerializer)
        nc = open_nonconformity(**body, actor=request.user)  # type: ignore[arg-type]
        return _answer(nc, status.HTTP_201_CREATED)

    @extend_schema(summary="One non-conformity", responses=NonConformityDetailSerializer)
    def retrieve(self, request: Request, nc_id: int) -> Response:
        nc = _by_id.first(id=nc_id)
        if nc is None:
            raise NonConformityNotFound(f"There is no non-conformity {nc_id}.")
        return _answer(nc)

    @extend_schema(
        summary="Correct what was recorded of an open non-conformity",
        request=NonConformityCorrectSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It is closed")},
        examples=[example({"supplier_id": 2, "reason": "Delivery note misread"})],
    )
    @repeatable
    def correct(self, request: Request, nc_id: int) -> Response:
        """Only what is given changes, and the counts of both suppliers with it. `reason` is always asked for."""
        body = self.validated(NonConformityCorrectSerializer)
        why = body.pop("reason")
        return self._step(request, correct_nonconformity, nc_id, values=body, reason=why)

    @extend_schema(
        summary="Give a non-conformity to somebody",
        request=AssignSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It is closed")},
        examples=[example({"owner_id": 2, "due_on": "2027-01-31", "reason": "The tool comes late"})],
    )
    @repeatable
    def assign(self, request: Request, nc_id: int) -> Response:
        """Another due date asks for a reason."""
        return self._step(request, assign_nonconformity, nc_id, **self.validated(AssignSerializer))

    @extend_schema(
        summary="Say what contains the defect (8D: D3)",
        request=ContainSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It is closed")},
        examples=[example({"containment": "Lot 4711 blocked, lots 4709 and 4710 sorted"})],
    )
    @repeatable
    def contain(self, request: Request, nc_id: int) -> Response:
        """It may be said anew; `contained_at` stays that of the first time."""
        return self._step(request, contain_nonconformity, nc_id, **self.validated(ContainSerializer))

    @extend_schema(
        summary="Say the root cause (8D: D4)",
        request=AnalyseSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It is closed")},
        examples=[
            example(
                {
                    "cause_code": "machine",
                    "root_cause": "Worn tool. Why? No interval. Why? Plan copied from another part",
                }
            )
        ],
    )
    @repeatable
    def analyse(self, request: Request, nc_id: int) -> Response:
        """It may be said anew."""
        return self._step(request, analyse_nonconformity, nc_id, **self.validated(AnalyseSerializer))

    @extend_schema(
        summary="Decide what happens to the product",
        request=DisposeSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It is closed")},
        examples=[example({"disposition": "rework", "disposition_qty": 40, "reason": "Bore can be reamed"})],
    )
    @repeatable
    def dispose(self, request: Request, nc_id: int) -> Response:
        """Another decision takes a concession back."""
        return self._step(request, dispose_nonconformity, nc_id, **self.validated(DisposeSerializer))

    @extend_schema(
        summary="Give the concession that use as is needs",
        request=ReasonSerializer,
        responses={
            200: NonConformityDetailSerializer,
            **conflict("It is closed, or is not to be used as it is"),
        },
        examples=[example({"reason": "Function is not affected, drawing note 7"})],
    )
    @repeatable
    def concede(self, request: Request, nc_id: int) -> Response:
        """By somebody else than who reported or corrected the case: 403 for them."""
        return self._step(request, concede_nonconformity, nc_id, **self.validated(ReasonSerializer))

    @extend_schema(
        summary="Close a non-conformity",
        request=CloseSerializer,
        responses={
            200: NonConformityDetailSerializer,
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
        return self._step(request, close_nonconformity, nc_id, **body, gate=settings.NC_CLOSE_GATE["api"])

    @extend_schema(
        summary="Open a closed non-conformity again",
        request=ReasonSerializer,
        responses={200: NonConformityDetailSerializer},
        examples=[example({"reason": "The same defect in the next lot"})],
    )
    @repeatable
    def reopen(self, request: Request, nc_id: int) -> Response:
        """Reopening an open one answers 200 and changes nothing."""
        return self._step(request, reopen_nonconformity, nc_id, **self.validated(ReasonSerializer))

    @extend_schema(
        summary="Close a non-conformity that was recorded by mistake",
        request=ReasonSerializer,
        responses={200: NonConformityDetailSerializer, **conflict("It was closed as something else")},
        examples=[example({"reason": "Measured with the wrong gauge"})],
    )
    @repeatable
    def void(self, request: Request, nc_id: int) -> Response:
        """It counts against nobody. What of its actions runs is cancelled."""
        return self._step(request, void_nonconformity, nc_id, **self.validated(ReasonSerializer))

    def _step(self, request: Request, service: Callable[..., NonConformity], nc_id: int, **body: Any) -> Response:
        nc = service(nc_id=nc_id, **body, actor=request.user, expected_versions=expected_versions(request))
        return _answer(nc)


@extend_schema(tags=["non-conformities"])
@extend_schema_view(list=extend_schema(summary="What happened to a non-conformity, newest first"))
class NonConformityTimelineViewSet(TimelineViewSet):
    entity_type = "nonconformity"


_by_id = WrittenList(NonConformity, columns=["id"])


def _answer(nc: NonConformity, status_code: int = status.HTTP_200_OK) -> Response:
    shape = NonConformityOpenedSerializer if status_code == status.HTTP_201_CREATED else NonConformityDetailSerializer
    return Response(shape(nc).data, status=status_code, headers={"ETag": etag_of(nc.version)})
