from django.urls import path

from suppliers.api.views import SupplierTimelineViewSet, SupplierViewSet

urlpatterns = [
    path("suppliers", SupplierViewSet.as_view({"get": "list", "post": "create"}), name="supplier-list"),
    path("suppliers/<int:supplier_id>", SupplierViewSet.as_view({"get": "retrieve"}), name="supplier-detail"),
    path(
        "suppliers/<int:supplier_id>/certification",
        SupplierViewSet.as_view({"patch": "update_certification"}),
        name="supplier-certification",
    ),
    path(
        "suppliers/<int:supplier_id>/timeline",
        SupplierTimelineViewSet.as_view({"get": "list"}),
        name="supplier-timeline",
    ),
]
