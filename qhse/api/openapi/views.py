"""`/openapi.json`, one document for everybody, and `/docs`, which shows it."""

from __future__ import annotations

from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from qhse.api.viewsets import StrictQueryMixin


class OpenApiView(StrictQueryMixin, SpectacularJSONAPIView):
    """Takes no `?version=`. The API has one version, and the library would put the client's text into a header."""

    http_method_names = ["get", "head"]

    def _get_version_parameter(self, request: Request) -> None:
        return None


class DocsView(StrictQueryMixin, SpectacularSwaggerSplitView):
    """Swagger UI. Its script is the same page asked with `?script=`."""

    http_method_names = ["get", "head"]
    query_parameters = may_be_empty = ("script",)
