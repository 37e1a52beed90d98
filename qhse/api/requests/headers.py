"""Headers of every answer, and rules of host for every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",  # Django's admin and Swagger UI draw their icons as data: URLs
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class HostCheckMiddleware(CommonMiddleware):
    """Refuses foreign Host headers, except where probes and Prometheus ask, by an address that no setting foresees."""

    def process_request(self, request: HttpRequest) -> Any:
        if request.path_info in PROBES:
            return None
        return super().process_request(request)


class SafeHeadersMiddleware:
    """
    Lets pages load code, styles and pictures from this server alone. Nothing inline, no eval, no frames, no sniffing.

    It stands before the middlewares that refuse requests, so that their answers say it too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        return response
