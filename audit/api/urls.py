from django.urls import path

from audit.api.views import AuditLogViewSet, NonConformityTimelineViewSet, SupplierTimelineViewSet

urlpatterns = [
    path("audit-log", AuditLogViewSet.as_view({"get": "list"}), name="audit-log"),
    path(
        "suppliers/<int:supplier_id>/timeline",
        SupplierTimelineViewSet.as_view({"get": "list"}),
        name="supplier-timeline",
    ),
    path("ncs/<int:nc_id>/timeline", NonConformityTimelineViewSet.as_view({"get": "list"}), name="nc-timeline"),
]
