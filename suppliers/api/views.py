"""`/suppliers`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import TimelineViewSet
from qhse.api.pagination import MAX_OFFSET, StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from qhse.queries import WrittenList
from suppliers.api.filters import SupplierFilter
from suppliers.api.serializers import (
    CertificationSerializer,
    SupplierCreateSerializer,
    SupplierDetailSerializer,
    SupplierSerializer,
)
from suppliers.errors import SupplierNotFound
from suppliers.models import Supplier
from suppliers.permissions import SupplierPermission
from suppliers.services import create_supplier, update_certification


class SupplierPagination(StrictLimitOffsetPagination):
    query_parameters = ("limit", "offset")  # a key goes with no `ordering`
    most_counted = MAX_OFFSET  # suppliers come in thousands, and 20,000 are counted in 1 ms


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="List suppliers"))
class SupplierViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [SupplierPermission]
    queryset = Supplier.objects.order_by("id")
    serializer_class = SupplierSerializer
    filterset_class = SupplierFilter
    pagination_class = SupplierPagination
    may_be_empty = ("search",)
    honours_if_match = ("update_certification",)
    has_etag = ("create", "retrieve", "update_certification")

    @extend_schema(
        summary="Record a supplier",
        request=SupplierCreateSerializer,
        responses={201: SupplierDetailSerializer},
        examples=[
            OpenApiExample(
                "A certified supplier",
                value={"name": "Hansa Forge GmbH", "certification_expiry": "2027-06-30"},
                request_only=True,
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """The name must be new, regardless of case and Unicode form (400 `duplicate_name`)."""
        body = self.validated(SupplierCreateSerializer)
        supplier = create_supplier(**body, actor=request.user)  # type: ignore[arg-type]
        return _answer(supplier, status.HTTP_201_CREATED)

    @extend_schema(summary="One supplier with its NC counts and risk", responses=SupplierDetailSerializer)
    def retrieve(self, request: Request, supplier_id: int) -> Response:
        supplier = _by_id.first(id=supplier_id)
        if supplier is None:
            raise SupplierNotFound(f"There is no supplier {supplier_id}.")
        return _answer(supplier)

    @extend_schema(
        summary="Set the end of the certification",
        request=CertificationSerializer,
        responses=SupplierDetailSerializer,
        examples=[
            OpenApiExample(
                "Renewed",
                value={"certification_expiry": "2029-06-30", "reason": "Renewal audit passed"},
                request_only=True,
            )
        ],
    )
    @repeatable
    def update_certification(self, request: Request, supplier_id: int) -> Response:
        """Setting the date it already has changes nothing. The worker reassesses the risk afterwards."""
        body = self.validated(CertificationSerializer)
        supplier = update_certification(
            supplier_id=supplier_id,
            **body,
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        return _answer(supplier)


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="What happened to a supplier, newest first"))
class SupplierTimelineViewSet(TimelineViewSet):
    entity_type = "supplier"


_by_id = WrittenList(Supplier, columns=["id"])


def _answer(supplier: Supplier, status_code: int = status.HTTP_200_OK) -> Response:
    data = SupplierDetailSerializer(supplier).data
    return Response(data, status=status_code, headers={"ETag": etag_of(supplier.version)})
