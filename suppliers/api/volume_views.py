"""`/suppliers/{id}/volumes`."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.filters import PLAUSIBLE_MONTH
from qhse.api.openapi.schema import conflict
from qhse.api.pagination import StrictLimitOffsetPagination
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from suppliers.api.volume_serializers import VolumeSerializer, VolumeSetSerializer
from suppliers.errors import SupplierNotFound, VolumeIsInvalid, VolumeNotFound
from suppliers.models import Supplier, SupplierVolume
from suppliers.permissions import VolumePermission
from suppliers.services import set_volume

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_MONTH_PARAMETER = OpenApiParameter(
    "month",
    PLAUSIBLE_MONTH,
    OpenApiParameter.PATH,
    description="YYYY-MM. It must have begun.",
)


class VolumePagination(StrictLimitOffsetPagination):
    query_parameters = ("limit", "offset")


@extend_schema(tags=["suppliers"])
@extend_schema_view(list=extend_schema(summary="What a supplier delivered, newest month first"))
class VolumeViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [VolumePermission]
    queryset = SupplierVolume.objects.none()
    serializer_class = VolumeSerializer
    pagination_class = VolumePagination
    honours_if_match = ("set_month",)
    has_etag = ("retrieve", "set_month")

    def list(self, request: Request, supplier_id: int) -> Response:
        if not Supplier.objects.filter(pk=supplier_id).exists():
            raise SupplierNotFound(f"There is no supplier {supplier_id}.")
        return super().list(request)

    def get_queryset(self) -> Any:
        return SupplierVolume.objects.filter(supplier_id=self.kwargs["supplier_id"]).order_by("-month", "-id")

    @extend_schema(
        summary="What a supplier delivered in a month", responses=VolumeSerializer, parameters=[_MONTH_PARAMETER]
    )
    def retrieve(self, request: Request, supplier_id: int, month: str) -> Response:
        day = _day_of(month)
        volume = SupplierVolume.objects.filter(supplier_id=supplier_id, month=day).first()
        if volume is None:
            raise VolumeNotFound(f"Supplier {supplier_id} has no figures of {day:%Y-%m}.")
        return _answer(volume)

    @extend_schema(
        summary="Set what a supplier delivered in a month",
        request=VolumeSetSerializer,
        responses={200: VolumeSerializer, 201: VolumeSerializer, **conflict("The supplier is merged into another one")},
        parameters=[_MONTH_PARAMETER],
        examples=[
            OpenApiExample(
                "A month",
                value={
                    "received_qty": 12000,
                    "defective_qty": 9,
                    "received_lots": 24,
                    "rejected_lots": 1,
                    "late_lots": 2,
                },
                request_only=True,
            )
        ],
    )
    @repeatable
    def set_month(self, request: Request, supplier_id: int, month: str) -> Response:
        """
        All figures of the month: lots that are left out are 0. 201 if it had none before.

        Setting the figures that stand there changes nothing. The worker reassesses the risk afterwards.
        """
        volume = set_volume(
            supplier_id=supplier_id,
            month=_day_of(month),
            **self.validated(VolumeSetSerializer),
            source="api",
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        is_new = vars(volume)["is_new"]
        return _answer(volume, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def _day_of(month: str) -> date:
    found = _MONTH.fullmatch(month)
    if found is None or found[1] == "0000":
        raise VolumeIsInvalid("A month is written YYYY-MM, such as 2026-10.", field="month")
    return date(int(found[1]), int(found[2]), 1)


def _answer(volume: SupplierVolume, status_code: int = status.HTTP_200_OK) -> Response:
    data = VolumeSerializer(volume).data
    return Response(data, status=status_code, headers={"ETag": etag_of(volume.version)})
