"""The admin site: Django's own, with our name, our rights and a dashboard."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, resolve, reverse
from django.views.decorators.common import no_append_slash

from qhse.accounts.services.login import note_logout
from qhse.adminsite.held import HELD, forget_others, give_back, hold, lead_to_login, take_in
from qhse.adminsite.login import LoginForm, OwnPasswordPage
from qhse.adminsite.once import once
from qhse.adminsite.own_pages import addresses, sections
from qhse.adminsite.panels import banners, front_panels


class QhseAdminSite(AdminSite):
    """
    Open to active staff. What they see and may do there follows from their role, page by page.

    The first page shows the panels that apps have registered in `panels`.
    """

    site_header = "QHSE supply chain"
    site_title = "QHSE"
    index_title = "Overview"
    index_template = "adminsite/index.html"
    enable_nav_sidebar = False  # the sections stand in the page's head and leave the width to the lists
    login_form = LoginForm

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_permission(request):
            return super().each_context(request) | {"banners": [], "own_pages": []}
        return super().each_context(request) | {"banners": banners(request), "own_pages": sections(request, self)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"panels": front_panels(request), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the sections in the order that their pages ask for, not by name."""

        def order(page: Any) -> int:
            return getattr(self._registry[page["model"]], "menu_order", 100)

        sections = super().get_app_list(request, app_label)
        for app in sections:
            app["models"].sort(key=order)
        return sorted(sections, key=lambda app: order(app["models"][0]))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """
        Django's page with our form, which counts as the API's login does. A blocked try is a 429.

        Who logs in where somebody else is logged in ends that session. The trail has it as a logout.
        """
        before = request.user if request.user.is_authenticated else None  # asked now, while it is true
        if request.method != "POST" or before is None:
            response = super().login(request, extra_context)
        else:
            with transaction.atomic():
                response = super().login(request, extra_context)
                if request.user != before and _has_ended(request):
                    note_logout(before)
        if request.user.is_authenticated:
            forget_others(request)
        return _refuse_blocked(response)  # type: ignore[no-any-return]

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's page. The end of the session and its entry in the trail are stored together, once."""
        before = request.user if request.user.is_authenticated else None  # asked now, while it is true
        with transaction.atomic():
            if request.method == "POST" and before is not None:
                request.session.delete()
                if _has_ended(request):
                    note_logout(before)
            return super().logout(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """
        Django's guard of every page. Behind it a POST is done once, and a session is prolonged by use.

        A form that comes when nobody is logged in any more is kept for whom it was made, and given back after a login.
        """
        guarded = super().admin_view(once(view), cacheable)

        @wraps(guarded)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            session: Any = request.session
            if self.has_permission(request) and not session.prolong():
                logout(request)
            if not self.has_permission(request):
                address = hold(request) if request.method == "POST" else None
                return lead_to_login(request, address) if address else guarded(request, *args, **kwargs)
            if HELD in request.GET and request.method in ("GET", "POST"):
                gives = take_in if request.method == "POST" else give_back
                return gives(guarded, request, *args, **kwargs)
            return guarded(request, *args, **kwargs)

        return door

    def get_urls(self) -> list[Any]:
        # The login stands in the contract without a slash.
        return [path("login", self.login), *addresses(self), *super().get_urls()]

    @no_append_slash
    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """Lead to the page that the address means with a slash at its end. APPEND_SLASH does not matter."""
        if not url.endswith("/"):
            page = resolve(f"{request.path_info}/")  # finds at least this view again, which is marked as no page
            if getattr(page.func, "should_append_slash", True):
                return HttpResponseRedirect(request.get_full_path(force_append_slash=True))
        raise Http404

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's page with our form: it counts as a login does, and its service audits."""
        request.current_app = self.name
        view = OwnPasswordPage.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return _refuse_blocked(view(request))  # type: ignore[no-any-return]


def _has_ended(request: HttpRequest) -> bool:
    """Answer whether this request has ended its session. Of several at the same moment only one has."""
    session: Any = request.session
    return bool(session.has_deleted_row)


def _refuse_blocked(response: Any) -> Any:
    """Make a 429 of a page whose form was refused because of too many failures."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    if (seconds := getattr(form, "blocked_seconds", None)) is not None:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response.headers["Retry-After"] = str(seconds)
    return response
