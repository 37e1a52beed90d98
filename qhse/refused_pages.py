"""Pages that refuse: with the menu, and with what to do. The API's handlers and the admin site both show them."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

logger = logging.getLogger("qhse.pages")


def refused_page(request: HttpRequest, template: str, status: int, **content: Any) -> HttpResponse:
    """Return a page that refuses. With the menu, when it is known who asks and the database still answers."""
    try:
        # Not asked for anew after the database has failed: whoever waits has waited for it once.
        user = getattr(request, "_cached_user" if status == HTTPStatus.SERVICE_UNAVAILABLE else "user", None)
        known = user is not None and user.is_authenticated
        # Django's part of the frame: our banners ask the database.
        frame = admin.AdminSite.each_context(admin.site, request) if known else {}
        return HttpResponse(render_to_string(template, frame | content, request if frame else None), status=status)
    except Exception:
        # The frame of a page is no reason to withhold what it says; what went wrong in it is a defect all the same.
        logger.exception("a page of refusal is shown without its menu")
        return HttpResponse(render_to_string(template, content), status=status)
