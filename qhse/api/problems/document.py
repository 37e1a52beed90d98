"""The problem document of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, JsonResponse

from qhse.observability import context

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="qhse"'  # WWW-Authenticate of every 401
InputErrors = list[dict[str, str]]


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    title: str | None = None,
    errors: InputErrors | None = None,
    headers: dict[str, str] | None = None,
    existing_id: int | None = None,
) -> HttpResponse:
    """Return a problem document. It is a plain HttpResponse: it reads the same under every renderer."""
    document: dict[str, Any] = {
        "type": f"urn:qhse:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": context.current().request_id,
    }
    if errors is not None:
        document["errors"] = errors
    if existing_id is not None:
        document["existing_id"] = existing_id
    return JsonResponse(document, status=status, content_type=MEDIA_TYPE, headers=headers)
