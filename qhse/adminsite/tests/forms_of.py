"""Forms as a browser sends them: with everything that stands in the page, hidden or typed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, list[str]]


class Forms(HTMLParser):
    """The forms of a page that are sent by POST: where to, and what they would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Fields]] = []
        self._fields: Fields | None = None
        self._text: str | None = None
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values = dict(attrs)
        if tag == "form":
            self._fields = {} if values.get("method", "").lower() == "post" else None
            if self._fields is not None:
                self.found.append((values.get("action") or "", self._fields))
        if self._fields is None or (tag != "option" and "name" not in values and tag != "select"):
            return
        if tag == "input" and (values.get("type") not in ("submit", "checkbox", "radio") or "checked" in values):
            self._add(values["name"], values.get("value") or ("on" if values.get("type") == "checkbox" else ""))
        elif tag == "textarea":
            self._select, self._text = values["name"], ""
        elif tag == "select":
            self._select = values.get("name", "")
        elif tag == "option" and self._select and "selected" in values:
            self._add(self._select, values.get("value") or "")

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            self._add(self._select, self._text.removeprefix("\n"))
            self._text = None
        elif tag == "form":
            self._fields = None

    def _add(self, name: str, value: str) -> None:
        if self._fields is not None:
            self._fields.setdefault(name, []).append(value)


def forms_of(response: Any) -> list[tuple[str, Fields]]:
    """Return the forms of an answer but for the one that logs out, which every page has."""
    return [form for form in Forms(response.content.decode()).found if form[0] != "/admin/logout/"]


def fields_of(response: Any, **typed: Any) -> dict[str, Any]:
    """Return what the last form of a page sends when these fields are filled in. None takes one out."""
    fields: dict[str, Any] = dict(forms_of(response)[-1][1]) | typed
    return {name: value for name, value in fields.items() if value is not None}


def open_and_fill(client: Client, page: str, **typed: Any) -> dict[str, Any]:
    return fields_of(client.get(page), **typed)
