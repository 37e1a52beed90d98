"""
Panels on pages of another app: a registry, so that neither app imports the other's pages.

A panel is a function. It returns what its template needs, `{template, …}`, or None for a user who may not see it. Apps
register panels when Django imports their `admin` package. Pages read the registry at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

Content = dict[str, Any]
FrontPanel = Callable[[HttpRequest], Content | None]
RecordPanel = Callable[[HttpRequest, Any], Content | None]

Banner = Callable[[HttpRequest], str]

_banners: list[Banner] = []
_front: list[tuple[int, FrontPanel]] = []
_records: dict[type[Model], list[RecordPanel]] = {}


def show_on_front_page(panel: FrontPanel, *, order: int) -> None:
    """Show a panel on the first page of the admin, below those of a lower order."""
    _front.append((order, panel))


def show_on_records(model: type[Model], panel: RecordPanel) -> None:
    """Show a panel below the form of each record of this model."""
    _records.setdefault(model, []).append(panel)


def show_on_every_page(banner: Banner) -> None:
    """Show a sentence above every page of who is logged in. Nothing is shown of an empty one. It must be cheap."""
    _banners.append(banner)


def banners(request: HttpRequest) -> list[str]:
    """Return what stands above every page for this user."""
    return [text for banner in _banners if (text := banner(request))]


def front_panels(request: HttpRequest) -> list[Content]:
    """Return the panels of the first page that this user may see, in their order."""
    in_order = sorted(_front, key=lambda entry: entry[0])
    return [content for _, panel in in_order if (content := panel(request))]


def record_panels(request: HttpRequest, record: Model) -> list[Content]:
    """Return the panels of this record that this user may see, in the order of the apps."""
    return [content for panel in _records.get(type(record), ()) if (content := panel(request, record))]
