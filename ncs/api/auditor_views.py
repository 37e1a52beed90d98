"""`/ncs/sample` and `/dossiers`: what auditors take. Each leaves an entry in the trail."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ncs.api.report_views import chosen_form
from ncs.api.serializers import NonConformitySerializer
from ncs.asked import day_in, key_in, number_in
from ncs.dossier.download import as_download
from ncs.dossier.making import FORMS, ZIP, make_dossier
from ncs.dossier.scopes import MODELS, Scope, scope_of_period, scope_of_record
from ncs.errors import DossierIsInvalid
from ncs.models import NonConformity
from ncs.permissions import DossierPermission, NonConformityPermission
from ncs.report.download import HTML, PDF
from ncs.sampling import DEFAULT, MAX_SEED, MOST, draw_sample
from qhse.api.answers import AnswerSerializer
from qhse.api.filters import MAX_ID, NO_NUL
from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer
from qhse.api.viewsets import ApiViewSet


class SampleSerializer(serializers.Serializer[Any]):
    seed = serializers.CharField(help_text="Repeats the sample: with the same period, while the data are the same.")
    n = serializers.IntegerField(help_text="What was asked for.")
    population = serializers.IntegerField(help_text="How many closed cases the period has.")
    results = NonConformitySerializer(many=True, help_text="In the order of drawing.")

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": serializers.DateField(source="first"),
            "to": serializers.DateField(source="last"),
        } | super().get_fields()


def _day(name: str, description: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", "format": "date"}, required=required, description=description)


@extend_schema(tags=["non-conformities"])
class SampleViewSet(ApiViewSet):
    permission_classes = [NonConformityPermission]
    queryset = NonConformity.objects.none()
    serializer_class = SampleSerializer
    pagination_class = None
    filter_backends = []
    query_parameters = ("from", "to", "n", "seed")

    @extend_schema(
        summary="Draw closed non-conformities at random",
        responses=SampleSerializer,
        parameters=[
            _day("from", "The first day of closing, in UTC.", required=True),
            _day("to", "The last day of closing.", required=True),
            OpenApiParameter("n", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}),
            OpenApiParameter(
                "seed", {"type": "string", "minLength": 1, "maxLength": MAX_SEED, "pattern": NO_NUL},
                description="Without one, one is made. Its answer repeats the sample.",
            ),
        ],
    )  # fmt: skip
    def sample(self, request: Request) -> Response:
        """
        The same seed, period and data give the same sample. The audit trail records who drew it, with what seed.

        Cases that were reopened since are not closed, and so are not drawn.
        """
        query = request.query_params
        sample = draw_sample(
            first=day_in(query, "from"), last=day_in(query, "to"), n=number_in(query, "n", default=DEFAULT),
            seed=query.get("seed", ""), actor=request.user,  # type: ignore[arg-type]
        )  # fmt: skip
        answer = {name: getattr(sample, name) for name in ("first", "last", "seed", "n", "population")}
        return Response(SampleSerializer(answer | {"results": sample.cases()}).data)


class _Nothing(AnswerSerializer[Any]):
    """The answer is a file."""


@extend_schema(tags=["audit"])
class DossierViewSet(ApiViewSet):
    permission_classes = [DossierPermission]
    queryset = NonConformity.objects.none()
    serializer_class = _Nothing
    pagination_class = None
    filter_backends = []
    query_parameters = ("entity_type", "entity_id", "from", "to")

    @extend_schema(
        summary="The dossier of a record, or of a period",
        responses={
            (200, ZIP): OpenApiTypes.BINARY,
            (200, PDF): OpenApiTypes.BINARY,
            (200, HTML): OpenApiTypes.STR,
            (404, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description="No such record"),
            (406, PROBLEM_MEDIA_TYPE): OpenApiResponse(
                ProblemSerializer, description=f"Accept names none of {', '.join(FORMS)}"
            ),
        },
        parameters=[
            OpenApiParameter("entity_type", {"type": "string", "enum": list(MODELS)}, description="With `entity_id`."),
            OpenApiParameter("entity_id", {"type": "integer", "minimum": 1, "maximum": MAX_ID}),
            _day("from", "The first day of a period, in UTC; instead of a record.", required=False),
            _day("to", "Its last day.", required=False),
        ],
    )
    def retrieve(self, request: Request) -> FileResponse:
        """
        By `Accept`, ZIP among equals: the ZIP has the entries of the audit trail with their proofs and the program that
        checks them offline, the files, the readable form, and an index with the SHA-256 of each. PDF and HTML are the
        readable form alone. The audit trail records who took it, with its SHA-256.

        400 for more entries than one file holds: `manage.py export_audit_trail` takes any number.
        """
        form = chosen_form(request.headers.get("Accept", ""), FORMS, "dossier")
        dossier = make_dossier(_scope(request), form=form, actor=request.user)  # type: ignore[arg-type]
        response = as_download(dossier)
        response["Vary"] = "Accept"
        return response


def _scope(request: Request) -> Scope:
    query = request.query_params
    of_record, of_period = ({"entity_type", "entity_id"} & set(query), {"from", "to"} & set(query))
    if of_record and of_period:
        raise DossierIsInvalid("Name a record or a period, and not both.", field=min(of_period))
    if of_period:
        return scope_of_period(day_in(query, "from"), day_in(query, "to"))
    if not of_record:
        raise DossierIsInvalid("Name a record by entity_type and entity_id, or a period by from and to.", field="from")
    return scope_of_record(query.get("entity_type", ""), key_in(query, "entity_id"))
