from django.urls import path

from outbox.api.views import OutboxEventViewSet

urlpatterns = [
    path("outbox/events", OutboxEventViewSet.as_view({"get": "list"}), name="outbox-event-list"),
    path(
        "outbox/events/<uuid:event_id>",
        OutboxEventViewSet.as_view({"get": "retrieve"}),
        name="outbox-event-detail",
    ),
    path(
        "outbox/events/<uuid:event_id>/requeue",
        OutboxEventViewSet.as_view({"post": "requeue"}),
        name="outbox-event-requeue",
    ),
    path(
        "outbox/events/<uuid:event_id>/dismiss",
        OutboxEventViewSet.as_view({"post": "dismiss"}),
        name="outbox-event-dismiss",
    ),
]
