from django.urls import path

from qhse.attachments.api.views import AttachmentListViewSet, AttachmentViewSet

urlpatterns = [
    path("attachments", AttachmentListViewSet.as_view({"get": "list", "post": "create"}), name="attachment-list"),
    path("attachments/<int:attachment_id>", AttachmentViewSet.as_view({"get": "retrieve"}), name="attachment-detail"),
    path(
        "attachments/<int:attachment_id>/content",
        AttachmentViewSet.as_view({"get": "content"}),
        name="attachment-content",
    ),
    path(
        "attachments/<int:attachment_id>/preview",
        AttachmentViewSet.as_view({"get": "preview"}),
        name="attachment-preview",
    ),
    path("attachments/<int:attachment_id>/void", AttachmentViewSet.as_view({"patch": "void"}), name="attachment-void"),
]
