"""`/certificates`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from drf_spectacular.utils import extend_schema, extend_schema_view
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
from suppliers.api.certificate_filters import CertificateFilter
from suppliers.api.certificate_serializers import (
    CertificateCorrectSerializer,
    CertificateCreateSerializer,
    CertificateReasonSerializer,
    CertificateSerializer,
    CertificateVerifySerializer,
)
from suppliers.errors import CertificateNotFound
from suppliers.models import Certificate, Supplier
from suppliers.permissions import CertificatePermission
from suppliers.services import (
    correct_certificate,
    reject_certificate,
    submit_certificate,
    verify_certificate,
    withdraw_certificate,
)


class CertificatePagination(StrictLimitOffsetPagination):
    query_parameters = ("limit", "offset")  # a key goes with no `ordering`
    most_counted = MAX_OFFSET  # they come in ten thousands

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the page, with the names of all its suppliers in one query."""
        rows = super().paginate_queryset(queryset, request, view)
        prefetch_related_objects(rows, Prefetch("supplier", Supplier.objects.only("name")))
        return rows


@extend_schema(tags=["certificates"])
@extend_schema_view(list=extend_schema(summary="List certificates, newest first"))
class CertificateViewSet(ReplicaListMixin, ApiViewSet):
    permission_classes = [CertificatePermission]
    queryset = Certificate.objects.order_by("-id")
    serializer_class = CertificateSerializer
    filterset_class = CertificateFilter
    pagination_class = CertificatePagination
    may_be_empty = ("search",)
    honours_if_match = ("correct", "verify", "reject", "withdraw")
    has_etag = ("create", "retrieve", *honours_if_match)

    @extend_schema(
        summary="Hand in a certificate of a supplier",
        request=CertificateCreateSerializer,
        responses={201: CertificateSerializer, **conflict("The supplier has been merged into another one")},
        examples=[
            example(
                {
                    "supplier_id": 1,
                    "standard": "iso_9001",
                    "edition": "2015",
                    "number": "12 100 4711",
                    "issuer": "TÜV Süd Management Service GmbH",
                    "valid_from": "2026-07-01",
                    "valid_to": "2029-06-30",
                }
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """Its document is attached afterwards: `POST /attachments`. Somebody else then verifies it."""
        body = self.validated(CertificateCreateSerializer)
        certificate = submit_certificate(**body, actor=request.user)  # type: ignore[arg-type]
        return _answer(certificate, status.HTTP_201_CREATED)

    @extend_schema(summary="One certificate", responses=CertificateSerializer)
    def retrieve(self, request: Request, certificate_id: int) -> Response:
        certificate = Certificate.objects.select_related("supplier").filter(pk=certificate_id).first()
        if certificate is None:
            raise CertificateNotFound(f"There is no certificate {certificate_id}.")
        return _answer(certificate)

    @extend_schema(
        summary="Correct what was recorded of a certificate",
        request=CertificateCorrectSerializer,
        responses={200: CertificateSerializer, **conflict("It is verified already, or was decided on")},
        examples=[example({"valid_to": "2029-06-30", "reason": "Year misread"})],
    )
    @repeatable
    def correct(self, request: Request, certificate_id: int) -> Response:
        """While nobody has verified it. Only what is given changes. `reason` is always asked for."""
        body = self.validated(CertificateCorrectSerializer)
        why = body.pop("reason")
        return self._step(request, correct_certificate, certificate_id, values=body, reason=why)

    @extend_schema(
        summary="Verify a certificate",
        request=CertificateVerifySerializer,
        responses={200: CertificateSerializer, **conflict("It is verified already, or was decided on")},
        examples=[example({"method": "register", "ref": "https://www.iafcertsearch.org/certified-entity/4711"})],
    )
    @repeatable
    def verify(self, request: Request, certificate_id: int) -> Response:
        """
        By somebody else than who handed it in or corrected it: 403 for them.

        When it has begun, the certificate that it renews is superseded.
        """
        return self._step(request, verify_certificate, certificate_id, **self.validated(CertificateVerifySerializer))

    @extend_schema(
        summary="Reject a certificate that was handed in",
        request=CertificateReasonSerializer,
        responses={200: CertificateSerializer, **conflict("It is verified already, or was decided on")},
        examples=[example({"reason": "The register does not know this number"})],
    )
    @repeatable
    def reject(self, request: Request, certificate_id: int) -> Response:
        """It may then be handed in anew. Rejecting a rejected one answers 200 and changes nothing."""
        return self._step(request, reject_certificate, certificate_id, **self.validated(CertificateReasonSerializer))

    @extend_schema(
        summary="Withdraw a verified certificate",
        request=CertificateReasonSerializer,
        responses={200: CertificateSerializer, **conflict("It is not verified, or was decided on")},
        examples=[example({"reason": "Suspended by the issuer on 12 January"})],
    )
    @repeatable
    def withdraw(self, request: Request, certificate_id: int) -> Response:
        """It does not count any more. Withdrawing a withdrawn one answers 200 and changes nothing."""
        return self._step(request, withdraw_certificate, certificate_id, **self.validated(CertificateReasonSerializer))

    def _step(
        self, request: Request, service: Callable[..., Certificate], certificate_id: int, **body: Any
    ) -> Response:
        expected = expected_versions(request)
        return _answer(service(certificate_id=certificate_id, **body, actor=request.user, expected_versions=expected))


@extend_schema(tags=["certificates"])
@extend_schema_view(list=extend_schema(summary="What happened to a certificate, newest first"))
class CertificateTimelineViewSet(TimelineViewSet):
    entity_type = "certificate"


def _answer(certificate: Certificate, status_code: int = status.HTTP_200_OK) -> Response:
    data = CertificateSerializer(certificate).data
    return Response(data, status=status_code, headers={"ETag": etag_of(certificate.version)})
