"""`/attachments`."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer, conflict
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.requests.uploads import MEDIA_TYPE, UploadParser
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import repeatable
from qhse.attachments.api.filters import AttachmentFilter
from qhse.attachments.api.serializers import AttachmentSerializer, AttachSerializer, VoidSerializer
from qhse.attachments.downloads import content_of, preview_of
from qhse.attachments.models import Attachment
from qhse.attachments.permissions import AttachmentPermission, demand_right
from qhse.attachments.services import attach, found, void_attachment


def _refusal(code: int, description: str) -> dict[Any, Any]:
    return {(code, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description)}


@extend_schema(tags=["attachments"])
class AttachmentListViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [AttachmentPermission]
    parser_classes = [UploadParser]
    queryset = Attachment.objects.order_by("-id")
    serializer_class = AttachmentSerializer
    filterset_class = AttachmentFilter
    has_etag = ("create",)

    @extend_schema(summary="List the files of a record, newest first")
    def list(self, request: Request) -> Response:
        """Void ones are among them, and say so."""
        missing = [name for name in ("entity_type", "entity_id") if name not in request.query_params]
        if missing:
            raise ValidationError({name: [ErrorDetail("Is needed.", code="required")] for name in missing})
        demand_right(request.user, "list", request.query_params["entity_type"])
        return super().list(request)

    @extend_schema(
        summary="Attach a file to a record",
        request={MEDIA_TYPE: AttachSerializer},
        responses={
            201: AttachmentSerializer,
            **conflict("The record takes no files now, or has too many"),
            **_refusal(413, "The file is larger than ATTACHMENT_MAX_BYTES, 10 MiB unless the operator chose otherwise"),
            **_refusal(415, "No form, or a file that is not taken: another kind, another content than its name says"),
        },
        examples=[
            OpenApiExample(
                "A photo",
                value={"entity_type": "nonconformity", "entity_id": "1", "file": "bore.jpg", "description": "The bore"},
                request_only=True,
                media_type=MEDIA_TYPE,
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """The kind of file is found by its content, and its name must agree. A record that is closed takes none."""
        body = self.validated(AttachSerializer)
        demand_right(request.user, "create", body["entity_type"])
        file = body.pop("file")
        attachment = attach(**body, name=file.name, content=file, actor=request.user)  # type: ignore[arg-type]
        return _answer(attachment, status.HTTP_201_CREATED)


@extend_schema(tags=["attachments"])
class AttachmentViewSet(ApiViewSet):
    permission_classes = [AttachmentPermission]
    queryset = Attachment.objects.none()
    serializer_class = AttachmentSerializer
    honours_if_match = ("void",)
    has_etag = ("retrieve", "void")

    @extend_schema(summary="One file, without its content", responses=AttachmentSerializer)
    def retrieve(self, request: Request, attachment_id: int) -> Response:
        return _answer(self._found(attachment_id))

    @extend_schema(
        summary="The content of a file",
        responses={(200, "*/*"): OpenApiTypes.BINARY, **_refusal(410, "The file was declared void")},
        parameters=[
            OpenApiParameter(
                "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200], description="Its SHA-256."
            )
        ],
    )
    def content(self, request: Request, attachment_id: int) -> FileResponse:
        """To be saved, and never shown in place. Its media type is what the content is."""
        attachment = self._found(attachment_id)
        return content_of(attachment)

    @extend_schema(
        summary="A small picture of a picture",
        responses={(200, "image/png"): OpenApiTypes.BINARY, **_refusal(410, "The file was declared void")},
    )
    def preview(self, request: Request, attachment_id: int) -> FileResponse:
        """At most 320 pixels on each side. The worker makes it moments after the file was attached; 404 until then."""
        return preview_of(self._found(attachment_id))

    @extend_schema(
        summary="Declare a file void",
        request=VoidSerializer,
        responses={200: AttachmentSerializer, **conflict("The record's files do not change now")},
        examples=[OpenApiExample("A mistake", value={"reason": "Photo of another lot"}, request_only=True)],
    )
    @repeatable
    def void(self, request: Request, attachment_id: int) -> Response:
        """Its content is given to nobody any more, and is kept. Voiding a void one answers 200 and changes nothing."""
        self._found(attachment_id)
        attachment = void_attachment(
            attachment_id=attachment_id,
            **self.validated(VoidSerializer),
            actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )
        return _answer(attachment)

    def _found(self, attachment_id: int) -> Attachment:
        attachment = found(attachment_id)
        demand_right(self.request.user, self.action, attachment.entity_type)
        return attachment


def _answer(attachment: Attachment, status_code: int = status.HTTP_200_OK) -> Response:
    shown = AttachmentSerializer(attachment).data
    return Response(shown, status=status_code, headers={"ETag": etag_of(attachment.version)})
