"""The admin site: Django's own, with our name, our rights and a dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

Panel = Callable[[HttpRequest], dict[str, Any] | None]


class QhseAdminSite(AdminSite):
    """
    Open to active staff; what they see and may do there follows from their role, page by page.

    Apps add panels to the first page with `add_panel`: a function from the request to `{template, …context}`, or
    to None for a user who may not see it. So this module knows none of them.
    """

    site_header = "QHSE supply chain"
    site_title = "QHSE"
    index_title = "Overview"
    index_template = "adminsite/index.html"
    enable_nav_sidebar = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._panels: list[Panel] = []

    def add_panel(self, panel: Panel) -> None:
        self._panels.append(panel)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        panels = [content for panel in self._panels if (content := panel(request))]
        return super().index(request, {"panels": panels, **(extra_context or {})})  # type: ignore[return-value]
