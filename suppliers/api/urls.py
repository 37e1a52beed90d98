from django.urls import path

from suppliers.api.certificate_views import CertificateTimelineViewSet, CertificateViewSet
from suppliers.api.risk_views import RiskHistoryViewSet, RiskViewSet
from suppliers.api.views import SupplierTimelineViewSet, SupplierViewSet
from suppliers.api.volume_views import VolumeViewSet

_CERTIFICATE_STEPS = ("verify", "reject", "withdraw")

urlpatterns = [
    path("suppliers", SupplierViewSet.as_view({"get": "list", "post": "create"}), name="supplier-list"),
    path(
        "suppliers/<int:supplier_id>",
        SupplierViewSet.as_view({"get": "retrieve", "patch": "correct"}),
        name="supplier-detail",
    ),
    path(
        "suppliers/<int:supplier_id>/status", SupplierViewSet.as_view({"post": "change_status"}), name="supplier-status"
    ),
    path("suppliers/<int:supplier_id>/merge", SupplierViewSet.as_view({"post": "merge"}), name="supplier-merge"),
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
    path("suppliers/<int:supplier_id>/risk", RiskViewSet.as_view({"get": "retrieve"}), name="supplier-risk"),
    path(
        "suppliers/<int:supplier_id>/risk/history",
        RiskHistoryViewSet.as_view({"get": "list"}),
        name="supplier-risk-history",
    ),
    path(
        "suppliers/<int:supplier_id>/risk/override",
        RiskViewSet.as_view({"post": "override"}),
        name="supplier-risk-override",
    ),
    path("certificates", CertificateViewSet.as_view({"get": "list", "post": "create"}), name="certificate-list"),
    path(
        "certificates/<int:certificate_id>",
        CertificateViewSet.as_view({"get": "retrieve", "patch": "correct"}),
        name="certificate-detail",
    ),
    *(
        path(
            f"certificates/<int:certificate_id>/{step}",
            CertificateViewSet.as_view({"patch": step}),
            name=f"certificate-{step}",
        )
        for step in _CERTIFICATE_STEPS
    ),
    path(
        "certificates/<int:certificate_id>/timeline",
        CertificateTimelineViewSet.as_view({"get": "list"}),
        name="certificate-timeline",
    ),
    path("suppliers/<int:supplier_id>/volumes", VolumeViewSet.as_view({"get": "list"}), name="volume-list"),
    path(
        "suppliers/<int:supplier_id>/volumes/<str:month>",
        VolumeViewSet.as_view({"get": "retrieve", "put": "set_month"}),
        name="volume-detail",
    ),
]
