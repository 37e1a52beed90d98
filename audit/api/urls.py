from django.urls import path

from audit.api.views import AuditLogViewSet
from audit.api.work_views import ReviewViewSet, VerificationViewSet

urlpatterns = [
    path("audit-log", AuditLogViewSet.as_view({"get": "list"}), name="audit-log"),
    path("audit-log/reviews", ReviewViewSet.as_view({"get": "list", "post": "review"}), name="audit-reviews"),
    path(
        "audit-log/verifications",
        VerificationViewSet.as_view({"get": "list", "post": "verify"}),
        name="audit-verifications",
    ),
]
