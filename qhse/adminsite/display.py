"""How values look on admin pages."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

NONE = "–"


def badge(text: object, kind: str) -> SafeString:
    """Return a coloured label. `kind` is good, warn, bad or mute; it comes from code, never from data."""
    return format_html('<span class="badge badge-{}">{}</span>', kind, text)


def moment(value: datetime | None) -> SafeString | str:
    """Return a time to the minute. It is in UTC, which column headings say."""
    return NONE if value is None else format_html('<span class="nowrap">{}</span>', f"{value:%Y-%m-%d %H:%M}")


def prose(text: str) -> SafeString | str:
    """Return what somebody wrote, with its line breaks."""
    return format_html('<div class="prose">{}</div>', text) if text else NONE


def block(text: str, label: str) -> SafeString | str:
    """Return text as programs wrote it. Where it is longer than its place, the keyboard scrolls it under this label."""
    return format_html('<pre tabindex="0" role="region" aria-label="{}">{}</pre>', label, text) if text else NONE


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


class Tile(NamedTuple):
    """A figure. `kind` is "", good, warn or bad. `url` leads to the list of the counted records, if there is one."""

    figure: str
    text: str
    kind: str = ""
    url: str = ""
