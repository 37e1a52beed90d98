"""The pages of the admin site, as its own resolver lists them. A new page is among them without being named here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLResolver

from lab.browser.installation import Records

OBJECT = "<path:object_id>"
FILE = f"{OBJECT}/files/<int:attachment_id>/"
# No pages: what they send is for scripts, or a file to be saved. So is each export of a list.
NOT_PAGES = frozenset({"autocomplete/", "jsi18n/", f"ncs/nonconformity/{OBJECT}/report/pdf/"})
FIRST_OF_ITS_LIST = "first of its list"


def all_routes() -> list[str]:
    return [route for route in _flat(admin.site.get_urls()) if route not in NOT_PAGES and "/export/" not in route]


def models() -> list[str]:
    """Return `app/model` of each model that has pages."""
    return [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]


def _steps(model: str) -> list[str]:
    pages = {f"{each._meta.app_label}/{each._meta.model_name}": page for each, page in admin.site._registry.items()}
    return list(getattr(pages[model], "steps", {}))


def _flat(patterns: Any, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _flat(pattern.url_patterns, route)
        else:
            yield route


def addresses(route: str, records: Records, first: dict[str, int]) -> list[str]:
    """
    Return the addresses of a route, one for each state of its record.

    Of a model without named states it is the first record of the list. Raises ValueError for an unknown placeholder.
    """
    if route.startswith("r/<path:content_type_id>"):
        return ["/admin/r/1/1/"]
    if apps := re.fullmatch(r"\^\(\?P<app_label>([\w|]+)\)/\$", route):
        return [f"/admin/{app}/" for app in apps[1].split("|")]
    if route == "(?P<url>.*)$":
        return ["/admin/no-such-page/"]
    if FILE in route:
        # A void one: only that is a page, and others are saved.
        file = records[f"{'.'.join(route.split('/')[:2])}.file"]
        route_of = [route.replace(FILE, f"{file['record']}/files/{file['void']}/")]
    elif OBJECT in route:
        model = "/".join(route.split("/")[:2])
        states = records.get(model.replace("/", "."), {})
        keys = [*states.values(), *([first[model]] if model in first else [])]
        route_of = [route.replace(OBJECT, str(key)) for key in dict.fromkeys(keys)]
        if route.endswith("/change/"):  # each step of a record has a form of its own
            route_of += [f"{each}?step={step}" for each in route_of for step in _steps(model)]
    else:
        route_of = [route]
    if any("<" in each for each in route_of):
        raise ValueError(f"how is {route} opened? Say it in lab/browser/routes.py")
    return [f"/admin/{each}" for each in route_of]
