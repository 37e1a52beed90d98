"""
Pages of the admin site that belong to no model: a registry, from which the site takes addresses and sections.

Apps add theirs when Django imports their `admin` package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

View = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True)
class OwnPage:
    """`route` ends in a slash. `may_open` is asked before the view is called, and for the sections in the head."""

    route: str
    name: str
    title: str
    view: View
    may_open: Callable[[Any], bool]


_pages: list[OwnPage] = []


def add_page(page: OwnPage) -> None:
    _pages.append(page)


def addresses(site: AdminSite) -> list[Any]:
    """Return the addresses of all pages, behind the site's own door."""
    return [path(page.route, site.admin_view(_guarded(page)), name=page.name) for page in _pages]


def sections(request: HttpRequest, site: AdminSite) -> list[tuple[str, str]]:
    """Return address and title of the pages that this user may open."""
    return [(reverse(f"{site.name}:{page.name}"), page.title) for page in _pages if page.may_open(request.user)]


def _guarded(page: OwnPage) -> View:
    def view(request: HttpRequest) -> HttpResponse:
        if not page.may_open(request.user):
            raise PermissionDenied
        return page.view(request)

    return view
