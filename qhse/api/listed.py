"""A list of the API, asked for by its address and without a request of anybody's. For commands."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response

from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.api.exports import export_of
from qhse.api.openapi.routes import api_routes
from qhse.errors import DomainError, RecordNotFound
from qhse.exporting.exports import Export, Form


class ListIsUnknown(Exception):
    """No list of the API has this address, or the record that it names is not there."""


class QueryIsRefused(Exception):
    """The list takes no such parameter, or not with this value."""


def lists_there_are() -> list[str]:
    return sorted({route.path.strip("/") for route in api_routes() if route.action == "list"})


def list_asked_for(name: str, parameters: Iterable[tuple[str, str]]) -> Export:
    """
    Return what a list's address and parameters mean. Whoever may start the command may read all of it.

    Parameters are refused as the API refuses them. Raises ListIsUnknown, QueryIsRefused.
    """
    path = "/" + name.strip("/")
    try:
        match = resolve(path)
    except Resolver404:
        raise _unknown(name) from None
    if getattr(match.func, "actions", {}).get("get") != "list":
        raise _unknown(name)
    view = match.func.cls(**match.func.initkwargs)  # type: ignore[attr-defined]
    view.action_map = match.func.actions  # type: ignore[attr-defined]
    view.setup(_request(path, parameters), *match.args, **match.kwargs)
    view.request = view.initialize_request(view.request, *match.args, **match.kwargs)
    view.format_kwarg, view.export_as = None, Form.CSV
    view.request.user = User(username="system", role=Role.ADMIN)
    view.get_paginated_response = Response  # nobody is answered: what was chosen is all that is wanted
    try:
        view.refuse_query(view.request)
        view.list(view.request, *match.args, **match.kwargs)
    except ValidationError as refusal:
        raise QueryIsRefused(_in_words(refusal.detail)) from refusal
    except (NotFound, RecordNotFound) as refusal:
        raise ListIsUnknown(str(refusal.detail)) from refusal
    except (APIException, DomainError) as refusal:
        raise QueryIsRefused(str(refusal.detail)) from refusal
    return export_of(view, view.chosen)


def _unknown(name: str) -> ListIsUnknown:
    return ListIsUnknown(f"{name!r} is no list of the API. Lists: {', '.join(lists_there_are())}")


def _in_words(details: Any) -> str:
    return "; ".join(f"{field}: {' '.join(map(str, texts))}" for field, texts in details.items())


def _request(path: str, parameters: Iterable[tuple[str, str]]) -> WSGIRequest:
    return WSGIRequest({
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": urlencode(list(parameters)),
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.input": BytesIO(), "wsgi.url_scheme": "http",
    })  # fmt: skip
