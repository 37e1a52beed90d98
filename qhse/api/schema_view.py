"""`/openapi.json`: one document, whoever asks and however."""

from __future__ import annotations

from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request


class OpenApiView(SpectacularJSONAPIView):
    """Ignores `?version=`: the API has one version, and the library would put the client's text into a header."""

    http_method_names = ["get", "head"]

    def _get_version_parameter(self, request: Request) -> None:
        return None
