"""`/suppliers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import TimelineViewSet
from qhse.api.openapi.schema import conflict, example
from qhse.api.pagination import MAX_OFFSET, StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from qhse.queries import WrittenList
from suppliers.api.filters import SupplierFilter
from suppliers.api.serializers import (
    LISTED,
    CertificationSerializer,
    MergeSerializer,
    StatusSerializer,
    SupplierCorrectSerializer,
    SupplierCreateSerializer,
    SupplierDetailSerializer,
    SupplierSerializer,
)
from suppliers.errors import SupplierNotFound
from suppliers.models import Supplier
from suppliers.models.supplier import STANDING
from suppliers.permissions import SupplierPermission
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    create_supplier,
    merge_supplier,
    update_certification,
)

MERGED = "It has been merged into another supplier"


class SupplierPagination(StrictLimitOffsetPagination):
    query_parameters = ("limit", "offset")  # a key goes with no `ordering`
    most_counted = MAX_OFFSET  # suppliers come in thousands, and 20,000 are counted in 1 ms


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="List suppliers"))
class SupplierViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [SupplierPermission]
    queryset = Supplier.objects.only(*LISTED).order_by("id")
    always = STANDING
    serializer_class = SupplierSerializer
    filterset_class = SupplierFilter
    pagination_class = SupplierPagination
    may_be_empty = ("search",)
    honours_if_match = ("update_certification", "correct", "change_status", "merge")
    has_etag = ("create", "retrieve", *honours_if_match)

    @extend_schema(
        summary="Record a supplier",
        request=SupplierCreateSerializer,
        responses={201: SupplierDetailSerializer},
        examples=[
            OpenApiExample(
                "A certified supplier",
                value={"name": "Hansa Forge GmbH", "certification_expiry": "2027-06-30"},
                request_only=True,
            ),
            OpenApiExample(
                "With all that decides about it",
                value={
                    "name": "Ticino Springs S.p.A.",
                    "country": "IT",
                    "category": "component",
                    "criticality": "A",
                    "required_standards": ["iso_9001", "iso_14001"],
                    "next_review_on": "2027-06-30",
                },
                request_only=True,
            ),
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
        responses={200: SupplierDetailSerializer, **conflict(MERGED)},
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
        return self._change(request, update_certification, supplier_id, **self.validated(CertificationSerializer))

    @extend_schema(
        summary="Correct what is recorded of a supplier",
        request=SupplierCorrectSerializer,
        responses={200: SupplierDetailSerializer, **conflict(MERGED)},
        examples=[
            example({"name": "Hansa Forge AG", "reason": "Renamed in the commercial register"}, "Renamed"),
            example({"required_standards": ["iso_9001", "iatf_16949"], "reason": "Delivers to the car line now"}),
        ],
    )
    @repeatable
    def correct(self, request: Request, supplier_id: int) -> Response:
        """Only what is given changes. Its status stays, whatever is required of it now."""
        body = self.validated(SupplierCorrectSerializer)
        why = body.pop("reason")
        return self._change(request, correct_supplier, supplier_id, values=body, reason=why)

    @extend_schema(
        summary="Decide about a supplier",
        request=StatusSerializer,
        responses={
            200: SupplierDetailSerializer,
            **conflict(f"It cannot go there from its present status, or lacks something that `detail` names. {MERGED}"),
        },
        examples=[example({"status": "approved", "reason": "Audit of May passed, certificates verified"})],
    )
    @repeatable
    def change_status(self, request: Request, supplier_id: int) -> Response:
        """
        Quality approves and suspends; purchasing rejects, begins anew, and approves with conditions, as quality may,
        too; only an administrator disqualifies (403 `may_not_decide`). APPROVED needs a verified certificate in date of
        each required standard, and after a suspension no open NC of severity high. The status that it has already
        changes nothing; any other one asks for a reason.
        """
        return self._change(request, change_supplier_status, supplier_id, **self.validated(StatusSerializer))

    @extend_schema(
        summary="Merge a duplicate into the supplier that is left",
        request=MergeSerializer,
        responses={200: SupplierDetailSerializer, **conflict("One of both has been merged already, or is busy")},
        examples=[example({"into_id": 4, "reason": "Recorded twice, with and without GmbH"})],
    )
    @repeatable
    def merge(self, request: Request, supplier_id: int) -> Response:
        """
        Cases, certificates and volumes move; months that both have are added up, a certificate that both have counts
        once. The duplicate keeps its name and its history, leaves all lists, and takes no writes any more. It answers
        the duplicate, with `merged_into_id`.
        """
        return self._change(request, merge_supplier, supplier_id, **self.validated(MergeSerializer))

    def _change(self, request: Request, service: Callable[..., Supplier], supplier_id: int, **body: Any) -> Response:
        return _answer(
            service(supplier_id=supplier_id, **body, actor=request.user, expected_versions=expected_versions(request))
        )


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="What happened to a supplier, newest first"))
class SupplierTimelineViewSet(TimelineViewSet):
    entity_type = "supplier"


_by_id = WrittenList(Supplier, columns=["id"])


def _answer(supplier: Supplier, status_code: int = status.HTTP_200_OK) -> Response:
    data = SupplierDetailSerializer(supplier).data
    return Response(data, status=status_code, headers={"ETag": etag_of(supplier.version)})
