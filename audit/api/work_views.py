"""`/audit-log/reviews` and `/audit-log/verifications`: what auditors do with the trail."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.work_serializers import ReviewCreateSerializer, ReviewSerializer, VerificationSerializer
from audit.models import ReviewStamp, TrailVerification
from audit.permissions import AuditPermission
from audit.reviewing import stamp_review
from audit.verifying import start_verification
from qhse.api.openapi.schema import conflict, example
from qhse.api.viewsets import ApiViewSet, NothingSerializer
from qhse.api.writes import repeatable


@extend_schema(tags=["audit"])
@extend_schema_view(list=extend_schema(summary="Up to which seals the trail has been reviewed, newest first"))
class ReviewViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [AuditPermission]
    queryset = ReviewStamp.objects.select_related("reviewed_by").order_by("-id")
    serializer_class = ReviewSerializer

    @extend_schema(
        summary="Say up to which seal the trail has been reviewed",
        request=ReviewCreateSerializer,
        responses={201: ReviewSerializer, **conflict("The seal, or what it covers, is not as it was written")},
        examples=[example({"seal": 12, "note": "Closings of the third quarter, with their reasons: no objection"})],
    )
    @repeatable
    def review(self, request: Request) -> Response:
        """The seal and what it covers are verified first. The same seal and note again store nothing more."""
        body = self.validated(ReviewCreateSerializer)
        stamp = stamp_review(**body, actor=request.user)  # type: ignore[arg-type]
        return Response(ReviewSerializer(stamp).data, status=status.HTTP_201_CREATED)


@extend_schema(tags=["audit"])
@extend_schema_view(list=extend_schema(summary="Verifications of the whole trail with their progress, newest first"))
class VerificationViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [AuditPermission]
    queryset = TrailVerification.objects.select_related("started_by").order_by("-id")
    serializer_class = VerificationSerializer

    @extend_schema(
        summary="Have the whole trail verified",
        request=NothingSerializer,
        responses={201: VerificationSerializer, **conflict("It is being verified already")},
        examples=[example({})],
    )
    @repeatable
    def verify(self, request: Request) -> Response:
        """
        The worker does it, piece by piece, and the list above has its progress.

        It finds what `manage.py verify_audit_trail` finds, but for checkpoints, which are kept elsewhere.
        """
        self.validated(NothingSerializer)
        verification = start_verification(actor=request.user)  # type: ignore[arg-type]
        return Response(VerificationSerializer(verification).data, status=status.HTTP_201_CREATED)
