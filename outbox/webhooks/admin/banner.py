"""What administrators are told on every page when the system has paused a webhook."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from outbox.webhooks.choices import EndpointStatus
from outbox.webhooks.models import WebhookEndpoint
from outbox.webhooks.permissions import WEBHOOK_ROLES
from qhse.accounts.rights import is_allowed
from qhse.adminsite.panels import show_on_every_page


def webhooks_go_nowhere(request: HttpRequest) -> str:
    """Tell on the pages of webhooks that nothing is sent on SQLite, where they look as active as elsewhere."""
    if not request.path.startswith(reverse("admin:app_list", args=["webhooks"])):
        return ""
    if connection.vendor != "sqlite" or not is_allowed(request.user, "change", WEBHOOK_ROLES):
        return ""
    if not WebhookEndpoint.objects.filter(status=EndpointStatus.ACTIVE).exists():
        return ""
    return "Nothing is sent to webhooks from this trial database, SQLite. Sending takes PostgreSQL and a relay."


def webhooks_paused(request: HttpRequest) -> SafeString | str:
    """Tell which webhooks get nothing although nobody has decided so."""
    if not is_allowed(request.user, "change", WEBHOOK_ROLES):
        return ""
    paused = list(WebhookEndpoint.objects.paused_by_system()[:2])
    if not paused:
        return ""
    first = paused[0]
    return format_html(
        'The webhook {} is paused: {}. What is published meanwhile is not sent to it. <a href="{}">{}</a>',
        Truncator(first).chars(60),
        first.get_paused_because_display().lower(),
        reverse("admin:webhooks_webhookendpoint_changelist", query={"status__exact": "PAUSED"}),
        "Show all that are paused" if len(paused) > 1 else "Show it",
    )


show_on_every_page(webhooks_go_nowhere)
show_on_every_page(webhooks_paused)
