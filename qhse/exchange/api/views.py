"""`/imports`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer, conflict, example
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.requests.uploads import MEDIA_TYPE, UploadParser
from qhse.api.viewsets import ApiViewSet, NothingSerializer, StrictSerializer
from qhse.api.writes import repeatable
from qhse.exchange.api.filters import ImportFilter
from qhse.exchange.api.serializers import (
    LISTED,
    ImportChangeSerializer,
    ImportCreateSerializer,
    ImportDetailSerializer,
    ImportSerializer,
)
from qhse.exchange.models import ImportJob
from qhse.exchange.permissions import ImportPermission, demand_right
from qhse.exchange.services import cancel_import, change_import, found, preview_import, start_import


def _refusal(code: int, description: str) -> dict[Any, Any]:
    return {(code, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description)}


@extend_schema(tags=["imports"])
@extend_schema_view(list=extend_schema(summary="List imports, newest first"))
class ImportListViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [ImportPermission]
    parser_classes = [UploadParser]
    queryset = ImportJob.objects.only(*LISTED).order_by("-id")
    serializer_class = ImportSerializer
    filterset_class = ImportFilter
    has_etag = ("create",)

    @extend_schema(
        summary="Check a file that is to be imported",
        request={MEDIA_TYPE: ImportCreateSerializer},
        responses={
            201: ImportDetailSerializer,
            **_refusal(413, "The file has more than IMPORT_MAX_BYTES, IMPORT_MAX_ROWS or 200 columns"),
            **_refusal(
                415, "No form, or a file that is no table: macros, a password, another content than its name says"
            ),
        },
        examples=[
            OpenApiExample(
                "Suppliers",
                value={"kind": "suppliers", "file": "suppliers.xlsx", "mode": "all_or_nothing"},
                request_only=True,
                media_type=MEDIA_TYPE,
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """
        Nothing is imported yet. The answer says which columns are meant, and every row's error.

        Then it is started, or changed, or cancelled. A file may be imported twice: records that are there are
        recognised.
        """
        body = self.validated(ImportCreateSerializer)
        demand_right(request.user, body["kind"])
        file = body.pop("file")
        job = preview_import(**body, name=file.name, content=file, actor=request.user)  # type: ignore[arg-type]
        return _answer(job, status.HTTP_201_CREATED)


@extend_schema(tags=["imports"])
class ImportViewSet(ApiViewSet):
    permission_classes = [ImportPermission]
    queryset = ImportJob.objects.none()
    serializer_class = ImportDetailSerializer
    honours_if_match = ("change", "start", "cancel")
    has_etag = ("retrieve", "change", "start", "cancel")

    @extend_schema(summary="One import: its check, or how far it is", responses=ImportDetailSerializer)
    def retrieve(self, request: Request, import_id: int) -> Response:
        return _answer(found(import_id))

    @extend_schema(
        summary="Set up an import anew before it starts",
        request=ImportChangeSerializer,
        responses={200: ImportDetailSerializer, **conflict("It has started")},
        examples=[example({"columns": ["name", None, "certification_expiry"], "mode": "good_rows"})],
    )
    @repeatable
    def change(self, request: Request, import_id: int) -> Response:
        """Which field each column means, and what happens to bad rows. All rows are checked again."""
        return self._write(request, change_import, import_id, ImportChangeSerializer)

    @extend_schema(
        summary="Start an import that was checked",
        request=NothingSerializer,
        responses={200: ImportDetailSerializer, **conflict("A column is missing, rows have errors, or it has ended")},
        examples=[example({})],
    )
    @repeatable
    def start(self, request: Request, import_id: int) -> Response:
        """The workers import its rows, in the name of who starts it. Starting one that runs changes nothing."""
        return self._write(request, start_import, import_id, NothingSerializer)

    @extend_schema(
        summary="Cancel an import",
        request=NothingSerializer,
        responses={200: ImportDetailSerializer, **conflict("It has ended")},
        examples=[example({})],
    )
    @repeatable
    def cancel(self, request: Request, import_id: int) -> Response:
        """Rows that are stored stay; of all rows or none, none is stored. Cancelling it again changes nothing."""
        return self._write(request, cancel_import, import_id, NothingSerializer)

    def _write(self, request: Request, service: Any, import_id: int, serializer: type[StrictSerializer]) -> Response:
        body = self.validated(serializer)  # first: a body that cannot be is refused whatever the record
        demand_right(request.user, found(import_id).kind)
        job = service(import_id=import_id, **body, actor=request.user, expected_versions=expected_versions(request))
        return _answer(job)


def _answer(job: ImportJob, status_code: int = status.HTTP_200_OK) -> Response:
    shown = ImportDetailSerializer(job).data
    return Response(shown, status=status_code, headers={"ETag": etag_of(job.version)})
