"""Every route of the product. The API's paths end in no slash, the admin's do."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from qhse.api.openapi.views import DocsView, IndexView, OpenApiView
from qhse.deployment.probes import HealthzView, MetricsView, ReadyzView

handler400 = "qhse.api.problems.handlers.bad_request"
handler403 = "qhse.api.problems.handlers.permission_denied"
handler404 = "qhse.api.problems.handlers.not_found"
handler500 = "qhse.api.problems.handlers.server_error"

urlpatterns = [
    path("", include("qhse.accounts.api.urls")),
    path("", include("suppliers.api.urls")),
    path("", include("ncs.api.urls")),
    path("", include("qhse.attachments.api.urls")),
    path("", include("qhse.exchange.api.urls")),
    path("", include("audit.api.urls")),
    path("", include("kpi.api.urls")),
    path("", include("outbox.api.urls")),
    path("", include("outbox.webhooks.api.urls")),
    path("healthz", HealthzView.as_view(), name="healthz"),
    path("readyz", ReadyzView.as_view(), name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("openapi.json", OpenApiView.as_view(), name="schema"),
    path(
        "docs",
        DocsView.as_view(url_name="schema"),
        name="docs",
    ),
    path("", IndexView.as_view(), name="index"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),  # people type it so
    path("admin/", admin.site.urls),
]
