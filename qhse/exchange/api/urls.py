from django.urls import path

from qhse.exchange.api.views import ImportListViewSet, ImportViewSet

urlpatterns = [
    path("imports", ImportListViewSet.as_view({"get": "list", "post": "create"}), name="import-list"),
    path(
        "imports/<int:import_id>", ImportViewSet.as_view({"get": "retrieve", "patch": "change"}), name="import-detail"
    ),
    path("imports/<int:import_id>/start", ImportViewSet.as_view({"post": "start"}), name="import-start"),
    path("imports/<int:import_id>/cancel", ImportViewSet.as_view({"post": "cancel"}), name="import-cancel"),
]
