from django.urls import path

from ncs.api.views import NonConformityTimelineViewSet, NonConformityViewSet

urlpatterns = [
    path("ncs", NonConformityViewSet.as_view({"get": "list", "post": "create"}), name="nc-list"),
    path("ncs/<int:nc_id>", NonConformityViewSet.as_view({"get": "retrieve"}), name="nc-detail"),
    path("ncs/<int:nc_id>/close", NonConformityViewSet.as_view({"patch": "close"}), name="nc-close"),
    path("ncs/<int:nc_id>/timeline", NonConformityTimelineViewSet.as_view({"get": "list"}), name="nc-timeline"),
]
