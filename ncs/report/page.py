"""A report as a page: the same content, for the screen and for a browser's print."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from ncs.report.shape import Pictures, Report

TEMPLATE = "ncs/report.html"
STYLE = Path(__file__).parents[1] / "static" / "ncs" / "report.css"


def context_of(report: Report, pictures: Pictures) -> dict[str, Any]:
    """Return what the template needs. Pictures stand in the page itself, so nothing else gives their files away."""
    shown = [(_as_url(each.media_type, each.content), each.caption) for each in pictures.shown]
    return {"report": report, "pictures": shown, "notes": pictures.notes}


def as_page(report: Report, pictures: Pictures) -> str:
    """Return one file with everything in it, to be kept: its style sheet too."""
    return render_to_string(TEMPLATE, context_of(report, pictures) | {"style": style()})


@cache
def style() -> str:
    return STYLE.read_text(encoding="utf-8")


@cache
def policy() -> str:
    """Return what a browser may do with that file: show it, with this very style sheet. No scripts, no requests."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"sandbox; default-src 'none'; img-src data:; style-src 'sha256-{digest}'"


def _as_url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
