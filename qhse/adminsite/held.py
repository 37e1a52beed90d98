"""
What somebody wrote when nobody was logged in any more: kept for them, and given back after they have logged in.

A form says by its mark whose it is. What was typed lies in the session of that browser, on the server, and is shown to
nobody else. The page that comes back has stored nothing: the person looks at it, and saves. Passwords and
files are not kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from qhse.accounts.models import User
from qhse.adminsite.marks import MARK, NOT_TYPED, asks_nothing, owner_of, typed
from qhse.adminsite.once import View, show_only, start_messages_anew
from qhse.clock import present
from qhse.refused_pages import refused_page

HELD = "held"  # in the session, and in the address of the page that gives it back
MOST_HELD = 5  # forms of one browser; several tabs may have been open
LARGEST = 200_000  # characters, encoded: the longest description four times
KEPT = timedelta(hours=8)
AT_THE_LOGIN = (
    "Your session had ended. Nothing has been stored yet, but what you wrote is kept: log in, and it will be there."
)
GIVEN_BACK = "Your session had ended. Here is what you wrote; nothing of it has been stored yet. Look at it and save."


def hold(request: HttpRequest) -> str | None:
    """
    Keep what a POST brought for whom its form was made. Return the address that gives it back.

    None if there is nothing to keep, or nobody for whom: the mark is forged, its user may not enter any more, or
    somebody else is logged in.
    """
    owner = owner_of(request.POST.get(MARK, ""))
    text = _worth_keeping(request)
    if owner is None or not text or (request.user.is_authenticated and request.user.pk != owner):
        return None
    if not User.objects.filter(pk=owner, is_active=True, is_staff=True).exists():
        return None
    token = uuid4().hex
    kept = dict(sorted(_kept(request).items(), key=lambda each: str(each[1]["at"]))[1 - MOST_HELD :])
    address = _without_token(request)
    kept[token] = {"owner": owner, "address": address, "typed": text, "at": present().isoformat()}
    request.session[HELD] = kept
    return f"{address}{'&' if '?' in address else '?'}{urlencode({HELD: token})}"


def lead_to_login(request: HttpRequest, address: str) -> HttpResponse:
    messages.warning(request, AT_THE_LOGIN)
    return redirect_to_login(address, reverse("admin:login"))


def forget_others(request: HttpRequest) -> None:
    """Remove what this browser holds for other people, once somebody has logged in."""
    kept = _kept(request)
    own = {token: each for token, each in kept.items() if each["owner"] == request.user.pk}
    if own != kept:
        request.session[HELD] = own


def take_in(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Let a page that gave something back be sent. When that has led to another page, nothing is kept any more."""
    token = request.GET[HELD]
    vars(request)["GET"] = _query_without_token(request)
    response = view(request, *args, **kwargs)
    kept = _kept(request)
    if isinstance(response, HttpResponseRedirect) and kept.pop(token, None) is not None:
        request.session[HELD] = kept
    return response


def give_back(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Show the page with what its owner wrote. Nothing is stored: the transaction is rolled back whatever happens."""
    each = _kept(request).get(request.GET[HELD])
    address = _without_token(request)
    if each is None or each["owner"] != request.user.pk or each["address"] != address or _is_old(each):
        return HttpResponseRedirect(address)
    posted: Any = request
    posted.GET = _query_without_token(request)
    posted.method, posted.POST, posted._files = "POST", QueryDict(each["typed"]), MultiValueDict()
    show_only(request, GIVEN_BACK)
    with transaction.atomic():
        response = view(request, *args, **kwargs)
        transaction.set_rollback(True)
    if isinstance(response, TemplateResponse):
        return response
    start_messages_anew(request)
    return HttpResponseRedirect(address)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """
    Answer a form without the right token. Its own mark brings the text back, to whom it was made for.

    The token changes when somebody logs in, in another tab say. A forger has no mark of the person's.
    """
    if request.path_info.startswith("/admin/") and request.method == "POST" and (address := hold(request)):
        return HttpResponseRedirect(address) if request.user.is_authenticated else lead_to_login(request, address)
    return refused_page(request, "403_csrf.html", HTTPStatus.FORBIDDEN)


def _worth_keeping(request: HttpRequest) -> str:
    """Return what was typed, encoded. Nothing if that is only which button was pressed."""
    if asks_nothing(request):
        return ""
    fields = typed(request)
    text = fields.urlencode()
    return text if set(fields) - NOT_TYPED and len(text) <= LARGEST else ""


def _kept(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(HELD, {}))


def _is_old(each: dict[str, Any]) -> bool:
    return present() - datetime.fromisoformat(each["at"]) > KEPT


def _query_without_token(request: HttpRequest) -> QueryDict:
    query = request.GET.copy()
    query.pop(HELD, None)
    return query


def _without_token(request: HttpRequest) -> str:
    query = _query_without_token(request).urlencode()
    return f"{request.path}?{query}" if query else request.path
