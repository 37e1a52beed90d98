"""`/suppliers/{id}/risk`: the newest assessment, those before it, and the override."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.openapi.schema import conflict, example
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.replica_reads import ReplicaListMixin
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from suppliers.api.risk_serializers import OverrideRiskSerializer, RiskAssessmentSerializer, RiskSerializer
from suppliers.errors import SupplierNotFound
from suppliers.models import RiskAssessment, Supplier
from suppliers.permissions import RiskPermission
from suppliers.services import override_risk


@extend_schema(tags=["suppliers"])
class RiskViewSet(ApiViewSet):
    permission_classes = [RiskPermission]
    queryset = Supplier.objects.none()
    serializer_class = RiskSerializer
    honours_if_match = ("override",)
    has_etag = ("retrieve", "override")

    @extend_schema(summary="The risk of a supplier: one assessment, and what it rests on", responses=RiskSerializer)
    def retrieve(self, request: Request, supplier_id: int) -> Response:
        """The ETag is that of the supplier: assessments leave it alone."""
        supplier = Supplier.objects.filter(pk=supplier_id).first()
        if supplier is None:
            raise SupplierNotFound(f"There is no supplier {supplier_id}.")
        return _answer(supplier)

    @extend_schema(
        summary="Set another risk level than the computed one, for a time",
        request=OverrideRiskSerializer,
        responses={200: RiskSerializer, **conflict("The supplier is not assessed yet, or is merged into another")},
        examples=[
            example({"level": "medium", "reason": "Plant audited on 12 January", "until": "2027-03-31"}),
        ],
    )
    @repeatable
    def override(self, request: Request, supplier_id: int) -> Response:
        """The score and its level stay, and stay visible. An override ends by itself after its last day."""
        supplier = override_risk(
            supplier_id=supplier_id,
            **self.validated(OverrideRiskSerializer),
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        return _answer(supplier)


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="How the risk of a supplier has changed, newest first"))
class RiskHistoryViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [RiskPermission]
    queryset = RiskAssessment.objects.none()
    serializer_class = RiskAssessmentSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A row is written when something changes: score, lines, level, confidence, rule or override."""
        supplier_id = kwargs["supplier_id"]
        if not Supplier.objects.filter(pk=supplier_id).exists():
            raise SupplierNotFound(f"There is no supplier {supplier_id}.")
        self.queryset = RiskAssessment.objects.filter(supplier=supplier_id).order_by("-id")
        return super().list(request)


def _answer(supplier: Supplier) -> Response:
    return Response(RiskSerializer(supplier).data, headers={"ETag": etag_of(supplier.version)})
