"""`/`, `/openapi.json`, one document for everybody, and `/docs`, which shows it."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from qhse.api.viewsets import StrictQueryMixin

_writing = Lock()


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = OpenApiView.generator_class().get_schema(public=True)
    return document


class OpenApiView(StrictQueryMixin, SpectacularJSONAPIView):
    """
    The document is written once in a process: it is the same for everybody, and takes a second of the server's time.

    Takes no `?version=`. The API has one version, and the library would put the client's text into a header.
    """

    http_method_names = ["get", "head"]

    def _get_schema_response(self, request: Request) -> Response:
        # The library resolves its extensions on first use and takes no lock. Of two first readers at once the second
        # would meet one that is half resolved.
        with _writing:
            document = _document()
        name = self._get_filename(request, self.api_version)
        return Response(document, headers={"Content-Disposition": f'inline; filename="{name}"'})

    def _get_version_parameter(self, request: Request) -> None:
        return None


class DocsView(StrictQueryMixin, SpectacularSwaggerSplitView):
    """Swagger UI. Its script is the same page asked with `?script=`."""

    http_method_names = ["get", "head"]
    query_parameters = may_be_empty = ("script",)


class IndexSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    links = serializers.DictField(child=serializers.CharField(), help_text="Where to go on: what → its path.")


class IndexView(StrictQueryMixin, APIView):
    """The front door. It looks at no token: who has a bad one must find the way as well."""

    permission_classes = [AllowAny]
    authentication_classes = []
    http_method_names = ["get", "head"]

    @extend_schema(operation_id="index", tags=["operations"], summary="Where to find what", responses=IndexSerializer)
    def get(self, request: Request) -> HttpResponse:
        """A browser is led to the admin site; everybody else gets the links."""
        answer: HttpResponse
        if "text/html" in request.headers.get("Accept", ""):
            answer = HttpResponseRedirect(reverse("admin:index"))
        else:
            names = {"documentation": "docs", "openapi": "schema", "login": "auth-login", "admin": "admin:index",
                     "suppliers": "supplier-list", "ncs": "nc-list", "health": "readyz"}  # fmt: skip
            links = {what: reverse(name) for what, name in names.items()}
            answer = Response({"name": "QHSE supply chain", "links": links})
        patch_vary_headers(answer, ["Accept"])
        return answer
