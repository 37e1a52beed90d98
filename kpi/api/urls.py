from django.urls import path

from kpi.api.views import KpiViewSet

urlpatterns = [path("kpi", KpiViewSet.as_view({"get": "retrieve"}), name="kpi")]
