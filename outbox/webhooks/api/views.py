"""`/webhooks`: endpoints, their secrets, and the log of what was delivered."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from outbox.webhooks.api.serializers import (
    DeliveryDetailSerializer,
    DeliverySerializer,
    WebhookChangeSerializer,
    WebhookCreateSerializer,
    WebhookReasonSerializer,
    WebhookSecretSerializer,
    WebhookSerializer,
)
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus
from outbox.webhooks.errors import WebhookDeliveryNotFound, WebhookNotFound
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.permissions import DeliveryPermission, WebhookPermission
from outbox.webhooks.services import change_webhook, create_webhook, retry_delivery, rotate_secret
from qhse.api.filters import OneOfFilter, TextFilter
from qhse.api.openapi.schema import conflict, example
from qhse.api.preconditions import etag_of, expected_versions
from qhse.api.viewsets import ApiViewSet
from qhse.api.writes import AnswerWithSecret, repeatable


class WebhookFilter(filters.FilterSet):
    status = OneOfFilter(choices=EndpointStatus.choices)

    class Meta:
        model = WebhookEndpoint
        fields: ClassVar[list[str]] = []


class DeliveryFilter(filters.FilterSet):
    status = OneOfFilter(choices=DeliveryStatus.choices)
    event_type = TextFilter(max_length=100)
    subject = TextFilter(max_length=115, label="The record, such as nonconformity/41.")

    class Meta:
        model = WebhookDelivery
        fields: ClassVar[list[str]] = []


@extend_schema(tags=["webhooks"])
@extend_schema_view(list=extend_schema(summary="List webhooks"))
class WebhookViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [WebhookPermission]
    queryset = WebhookEndpoint.objects.order_by("id")
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    honours_if_match = ("change", "rotate_secret")
    has_etag = ("create", "retrieve", *honours_if_match)

    @extend_schema(
        summary="Have events sent to an address",
        request=WebhookCreateSerializer,
        responses={201: WebhookSecretSerializer},
        examples=[
            OpenApiExample(
                "Non-conformities",
                value={"url": "https://erp.example.com/hooks/quality", "event_types": ["NC_CREATED", "NC_CLOSED"]},
                request_only=True,
            )
        ],
    )
    @repeatable
    def create(self, request: Request) -> Response:
        """The answer has the secret by which you verify signatures (Standard Webhooks). It is never shown again."""
        body = self.validated(WebhookCreateSerializer)
        endpoint, secret = create_webhook(**body, actor=request.user)  # type: ignore[arg-type]
        return _answer_with(secret, endpoint, status.HTTP_201_CREATED)

    @extend_schema(summary="One webhook, and how its calls fare", responses=WebhookSerializer)
    def retrieve(self, request: Request, webhook_id: int) -> Response:
        return _answer(found(webhook_id))

    @extend_schema(
        summary="Change, pause or resume a webhook",
        request=WebhookChangeSerializer,
        responses={200: WebhookSerializer, **conflict("It is to be resumed, and its secret cannot be read")},
        examples=[example({"is_active": False, "reason": "The receiver moves on Saturday"}, "Pause")],
    )
    @repeatable
    def change(self, request: Request, webhook_id: int) -> Response:
        """Only what is given changes. What is published while it is paused is not sent later; what waited is."""
        body = self.validated(WebhookChangeSerializer)
        reason = body.pop("reason")
        endpoint = change_webhook(
            webhook_id=webhook_id, changes=body, reason=reason, actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )  # fmt: skip
        return _answer(endpoint)

    @extend_schema(
        summary="Give a webhook a new secret",
        request=WebhookReasonSerializer,
        responses=WebhookSecretSerializer,
        examples=[example({"reason": "Yearly change"})],
    )
    @repeatable
    def rotate_secret(self, request: Request, webhook_id: int) -> Response:
        """For 24 hours calls carry two signatures: one by the new secret, one by the former. It is shown only here."""
        endpoint, secret = rotate_secret(
            webhook_id=webhook_id, **self.validated(WebhookReasonSerializer), actor=request.user,  # type: ignore[arg-type]
            expected_versions=expected_versions(request),
        )  # fmt: skip
        return _answer_with(secret, endpoint)


@extend_schema(tags=["webhooks"])
@extend_schema_view(list=extend_schema(summary="List what was delivered to a webhook, or is to be, newest first"))
class DeliveryViewSet(ListModelMixin, ApiViewSet):
    permission_classes = [DeliveryPermission]
    queryset = WebhookDelivery.objects.order_by("-id")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter

    def get_queryset(self):  # type: ignore[no-untyped-def]
        if getattr(self, "swagger_fake_view", False):
            return WebhookDelivery.objects.none()
        return super().get_queryset().filter(endpoint=found(self.kwargs["webhook_id"]))

    @extend_schema(summary="One delivery with its attempts", responses=DeliveryDetailSerializer)
    def retrieve(self, request: Request, webhook_id: int, delivery_id: int) -> Response:
        delivery = self.get_queryset().filter(pk=delivery_id).first()
        if delivery is None:
            raise WebhookDeliveryNotFound(f"Webhook {webhook_id} has no delivery {delivery_id}.")
        return Response(DeliveryDetailSerializer(delivery).data)

    @extend_schema(
        summary="Send a delivery again",
        request=WebhookReasonSerializer,
        responses={200: DeliveryDetailSerializer, **conflict("The webhook is paused")},
        examples=[example({"reason": "Their import is mended"})],
    )
    @repeatable
    def retry(self, request: Request, webhook_id: int, delivery_id: int) -> Response:
        """At once, with the attempts counted anew; also one that was taken. One that is due already stays as it is."""
        body = self.validated(WebhookReasonSerializer)
        delivery = retry_delivery(webhook_id=webhook_id, delivery_id=delivery_id, **body, actor=request.user)  # type: ignore[arg-type]
        return Response(DeliveryDetailSerializer(delivery).data)


def found(webhook_id: int) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.filter(pk=webhook_id).first()
    if endpoint is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id}.")
    return endpoint


def _answer(endpoint: WebhookEndpoint) -> Response:
    return Response(WebhookSerializer(endpoint).data, headers={"ETag": etag_of(endpoint.version)})


def _answer_with(secret: str, endpoint: WebhookEndpoint, code: int = status.HTTP_200_OK) -> Response:
    shown = WebhookSerializer(endpoint).data
    return AnswerWithSecret(
        {**shown, "secret": secret},
        kept={**shown, "secret": None},
        status=code,
        headers={"ETag": etag_of(endpoint.version), "Cache-Control": "no-store"},
    )
