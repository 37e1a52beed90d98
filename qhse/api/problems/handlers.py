"""Errors as RFC 9457 problem documents. One shape for what DRF, Django, services and the database refuse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from qhse.api.problems.database import database_problem
from qhse.api.problems.document import CHALLENGE, problem
from qhse.api.problems.refusals import note_refusal
from qhse.errors import DomainError
from qhse.refused_pages import refused_page


def exception_handler(exc: Exception, handler_context: dict[str, Any]) -> HttpResponse | None:
    """
    Turn an exception of a view into a problem document. None lets Django answer 500 through `server_error`.

    Services own the transactions. An exception has left them before it arrives here: what is refused has been rolled
    back.
    """
    if isinstance(exc, DomainError):
        return _domain_problem(exc)
    if isinstance(exc, exceptions.ValidationError):
        return problem(
            status=400,
            code="invalid",
            title="Invalid input",
            detail="The request has input errors; `errors` lists them.",
            errors=list(_flatten(exc.get_full_details())),
        )
    if isinstance(exc, exceptions.PermissionDenied | PermissionDenied):
        note_refusal(handler_context["request"])
    if isinstance(exc, exceptions.APIException):
        return _api_problem(exc, handler_context)
    if isinstance(exc, Http404):
        return problem(status=404, code="not_found", detail="There is no such record.")
    if isinstance(exc, PermissionDenied):
        return problem(status=403, code="permission_denied", detail="Your role may not do this.")
    return database_problem(exc)


def _domain_problem(exc: DomainError) -> HttpResponse:
    errors = [{"field": exc.field, "code": exc.code, "detail": exc.detail}] if exc.field else None
    headers = {"WWW-Authenticate": CHALLENGE} if exc.status == HTTPStatus.UNAUTHORIZED else {}
    if exc.retry_after is not None:
        headers["Retry-After"] = str(exc.retry_after)
    return problem(
        status=exc.status,
        code=exc.code,
        title=exc.title,
        detail=exc.detail,
        errors=errors,
        headers=headers,
        existing_id=None if exc.existing is None else exc.existing.pk,
    )


def _api_problem(exc: exceptions.APIException, handler_context: dict[str, Any]) -> HttpResponse:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    code, detail = str(exc.default_code), str(exc.detail)
    if isinstance(exc, exceptions.NotAuthenticated):
        detail = "Send an access token: Authorization: Bearer <access_token> (POST /auth/login gives one)."
    elif isinstance(exc, exceptions.AuthenticationFailed):
        # One wording, whatever was wrong: it must not tell forgers how far they got.
        code, detail = "not_authenticated", "The credentials or the token are not valid, or no longer."
    elif isinstance(exc, exceptions.MethodNotAllowed):
        methods = ", ".join(handler_context["view"].allowed_methods)
        detail = f"There is no {handler_context['request'].method} here. There is {methods}."
    elif isinstance(exc, exceptions.UnsupportedMediaType):
        taken = ", ".join(parser.media_type for parser in handler_context["request"].parsers)
        detail = f"{detail} Send {taken}."
    return problem(status=exc.status_code, code=code, detail=detail, headers=headers)


def _flatten(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield `{field, code, detail}` from DRF's nested details. List items carry their index in the path."""
    # A leaf's message is a text; two fields that are named `message` and `code` hold lists.
    if isinstance(details, dict) and isinstance(details.get("message"), str):
        yield {"field": path, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, dict):
        for name, inner in details.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _flatten(inner, f"{path}.{name}".strip("."))
    elif isinstance(details, list):
        for inner in details:
            yield from _flatten(inner, path)


def _is_page(request: HttpRequest) -> bool:
    return request.path_info.startswith("/admin/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before any view runs: a foreign Host header, a malformed query."""
    return problem(status=400, code="bad_request", detail="The request is malformed or its Host is not served here.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    note_refusal(request)
    if _is_page(request):
        # What pages of the admin site give back: see `qhse/adminsite/late.py`.
        return refused_page(request, "403.html", HTTPStatus.FORBIDDEN, written=getattr(request, "typed_in_vain", ()))
    return problem(status=403, code="permission_denied", detail="You may not do this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return refused_page(request, "404.html", HTTPStatus.NOT_FOUND)
    return problem(
        status=404,
        code="not_found",
        detail="There is no such route. GET /docs lists them all; none ends in a slash.",
    )


def database_answer(request: HttpRequest, exc: BaseException | None) -> HttpResponse | None:
    """Return the answer to an exception of the database: a page for people, else a document. None for others."""
    answer = database_problem(exc) if isinstance(exc, Exception) else None
    if answer is None or not _is_page(request):
        return answer
    document = json.loads(answer.content)
    page = refused_page(
        request, "adminsite/database_problem.html", answer.status_code,
        database_away=answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, detail=document["detail"],
    )  # fmt: skip
    if "Retry-After" in answer:
        page["Retry-After"] = answer["Retry-After"]
    return page


class DatabaseProblemsMiddleware:
    """Answers what a view of Django's lets through, such as a page of the admin. DRF's views ask us themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return database_answer(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    # Raised by a middleware, when it stores a session for example: Django calls this while it handles the exception.
    if (answer := database_answer(request, sys.exc_info()[1])) is not None:
        return answer
    if _is_page(request):
        return refused_page(request, "500.html", HTTPStatus.INTERNAL_SERVER_ERROR)
    return problem(
        status=500, code="internal_error", detail="A defect on our side; the log knows it by the request id."
    )
