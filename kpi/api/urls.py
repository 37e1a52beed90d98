from django.urls import path

from kpi.api.quality_views import QualityViewSet
from kpi.api.views import KpiViewSet

urlpatterns = [
    path("kpi", KpiViewSet.as_view({"get": "retrieve"}), name="kpi"),
    path("kpi/quality", QualityViewSet.as_view({"get": "retrieve"}), name="kpi-quality"),
]
