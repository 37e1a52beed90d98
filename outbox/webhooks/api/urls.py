from django.urls import path

from outbox.webhooks.api.views import DeliveryViewSet, WebhookViewSet

_DELIVERIES = "webhooks/<int:webhook_id>/deliveries"

urlpatterns = [
    path("webhooks", WebhookViewSet.as_view({"get": "list", "post": "create"}), name="webhook-list"),
    path(
        "webhooks/<int:webhook_id>",
        WebhookViewSet.as_view({"get": "retrieve", "patch": "change"}),
        name="webhook-detail",
    ),
    path(
        "webhooks/<int:webhook_id>/secret",
        WebhookViewSet.as_view({"post": "rotate_secret"}),
        name="webhook-secret",
    ),
    path(_DELIVERIES, DeliveryViewSet.as_view({"get": "list"}), name="webhook-delivery-list"),
    path(f"{_DELIVERIES}/<int:delivery_id>", DeliveryViewSet.as_view({"get": "retrieve"}), name="webhook-delivery"),
    path(
        f"{_DELIVERIES}/<int:delivery_id>/retry",
        DeliveryViewSet.as_view({"post": "retry"}),
        name="webhook-delivery-retry",
    ),
]
