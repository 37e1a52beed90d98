from django.urls import path

from audit.api.views import AuditLogViewSet

urlpatterns = [path("audit-log", AuditLogViewSet.as_view({"get": "list"}), name="audit-log")]
