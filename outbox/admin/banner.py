"""What people are told on admin pages when nothing, or not enough, is handled."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from outbox.admin.panel import span
from outbox.permissions import OUTBOX_ROLES
from outbox.selectors import LATE_SECONDS, Workers, outbox_status, workers
from qhse.accounts.rights import is_allowed
from qhse.adminsite.panels import show_on_every_page, show_on_front_page


def workers_lost(request: HttpRequest) -> SafeString | str:
    """
    Tell that no worker lives, or one of several does not.

    Operators learn where to look. Everybody else reads what it means for them, if it means anything: what one worker
    leaves, the others do.
    """
    seen = workers()
    if seen.living:
        return _some_lost(seen) if seen.silent and is_allowed(request.user, "list", OUTBOX_ROLES) else ""
    for_how_long = (
        "has never been seen" if seen.seen_seconds is None else f"was last seen {span(seen.seen_seconds)} ago"
    )
    if not is_allowed(request.user, "list", OUTBOX_ROLES):
        return (
            "What follows from a change, such as the new risk level of a supplier, is not done now. "
            "What you write is stored, and is shown at once. Please tell an administrator."
        )
    return format_html(
        'No outbox worker is running: one {}. Changes are stored, their events wait. <a href="{}">Outbox events</a>',
        for_how_long,
        reverse("admin:outbox_outboxevent_changelist"),
    )


def _some_lost(seen: Workers) -> SafeString:
    places = "; ".join(f"{each.place}, last seen {span(each.seconds)} ago" for each in seen.silent[:3])
    return format_html(
        "{} of {} outbox workers: no sign of life ({}{}). The others do the work. Start what is missing again. What is "
        "gone on purpose is forgotten after a day.",
        len(seen.silent), seen.living + len(seen.silent), places, "; …" if len(seen.silent) > 3 else "",
    )  # fmt: skip


def lag_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return how far behind living workers are, if that is long enough to mislead somebody."""
    if not workers().living:
        return None  # stands above every page
    lag = outbox_status().oldest_due_seconds or 0.0
    return {"template": "outbox/lag.html", "lag": span(lag)} if lag > LATE_SECONDS else None


show_on_every_page(workers_lost)
show_on_front_page(lag_panel, order=-1)
