"""Gives every request its id and writes its one log line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty

from qhse import tracing
from qhse.observability import addresses, context, metrics

logger = logging.getLogger("qhse.request")

QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestContextMiddleware:
    """
    The outermost middleware: what it opens encloses everything that a request causes.

    The answer carries `X-Request-ID`, also as an error page of a middleware further in. Neither a proxy nor the browser
    of a shared computer may keep it, unless it says itself for how long. Static files do. What only a proxy may say is
    forgotten here unless one of TRUSTED_PROXIES says it. So nothing further in can believe it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        addresses.forget_untrusted_words(request.META, settings.TRUSTED_PROXIES)
        request_id = context.accept_request_id(request.headers.get("X-Request-ID"))
        source = "admin" if request.path_info.startswith("/admin/") else "api"
        started = time.perf_counter()
        client = addresses.client_of(
            request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES
        )
        quiet = request.path_info in QUIET_PATHS
        span = tracing.NOTHING if quiet else tracing.request(request.META.get("HTTP_TRACEPARENT"))
        with (
            context.use(
                request_id=request_id, source=source, client_address=client.address, counted_address=client.counted
            ),
            span,
        ):
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            self._report(request, response, seconds, span)
        response.headers["X-Request-ID"] = request_id
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _report(self, request: HttpRequest, response: HttpResponse, seconds: float, span: tracing.Span) -> None:
        route = request.resolver_match.route if request.resolver_match else "unmatched"
        metrics.observe_request(route=route, method=request.method or "", status=response.status_code, seconds=seconds)
        if span is not tracing.NOTHING:
            _describe(span, route=route, method=metrics.counted_method(request.method), status=response.status_code)
        logger.log(
            logging.DEBUG if request.path_info in QUIET_PATHS else logging.INFO,
            "%s %s %s",
            request.method,
            request.path_info,
            response.status_code,
            extra={
                "method": request.method,
                "path": request.path_info,
                "status": response.status_code,
                "milliseconds": round(seconds * 1000, 1),
                "user_id": _known_user_id(request),
            },
        )


def _describe(span: tracing.Span, *, route: str, method: str, status: int) -> None:
    """Say what request it was, by its route: the path has ids, and the query what people search for."""
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "qhse.request_id": context.current().request_id,
    }
    span.describe(f"{method} {route}", failed=str(status) if status >= 500 else "", **attributes)


def _known_user_id(request: HttpRequest) -> int | None:
    """Return whose request it was, if anything asked. A log line is no reason for a query, which might fail."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return None
    return getattr(user, "pk", None)
