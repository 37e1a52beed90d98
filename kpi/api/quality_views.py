"""`/kpi/quality`."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from django import forms
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from kpi.api.quality_serializers import QualitySerializer, answer_of
from kpi.permissions import KpiPermission
from kpi.quality import quality_figures
from qhse.api.filters import DayFilter, IdFilter
from qhse.api.replica_reads import dated
from qhse.api.viewsets import ApiViewSet
from qhse.replica.reading import Reader

_PARAMETERS: dict[str, Any] = {"from": DayFilter, "to": DayFilter, "supplier_id": IdFilter, "as_of": DayFilter}


class QualityViewSet(ApiViewSet):
    permission_classes = [KpiPermission]
    pagination_class = None
    filter_backends = []
    serializer_class = QualitySerializer
    query_parameters = tuple(_PARAMETERS)

    @extend_schema(
        tags=["kpi"],
        summary="Quality figures of a period",
        description=(
            "What happened is counted in the period `from` to `to`, both days included; without them it is the month "
            "of `as_of` with the eleven before it. What there is is counted at the end of `as_of`, and without that "
            "now. A past `as_of` answers what was known on that day, whatever was corrected since. Null means that "
            "there is no data."
        ),
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATE, description="First day of the period"),
            OpenApiParameter("to", OpenApiTypes.DATE, description="Last day of the period"),
            OpenApiParameter("supplier_id", OpenApiTypes.INT, description="Of this supplier alone"),
            OpenApiParameter("as_of", OpenApiTypes.DATE, description="The day whose knowledge is asked for"),
        ],
        responses=QualitySerializer,
    )
    def retrieve(self, request: Request) -> Response:
        asked = _asked(request)
        figures_on = partial(
            quality_figures,
            first=asked.get("from"),
            last=asked.get("to"),
            supplier_id=asked.get("supplier_id"),
            as_of=asked.get("as_of"),
        )
        reader = Reader(request.user)
        figures = reader.read(lambda using: figures_on(using=using))
        return dated(Response(answer_of(figures)), reader)  # type: ignore[no-any-return]


def _asked(request: Request) -> dict[str, Any]:
    found: dict[str, date | int] = {}
    problems = {}
    for name, kind in _PARAMETERS.items():
        if name in request.query_params:
            try:
                found[name] = kind.field_class().clean(request.query_params[name])
            except forms.ValidationError as error:
                problems[name] = error.messages
    if problems:
        raise ValidationError(problems)
    return found
