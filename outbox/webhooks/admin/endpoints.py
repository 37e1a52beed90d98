"""Webhooks in the admin: name an address, see how its calls fare, pause it, rotate its secret."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from audit.words import what_happened
from outbox.webhooks.admin.forms import EndpointAddForm, EndpointChangeForm, PauseForm, ResumeForm, RotateForm
from outbox.webhooks.choices import PauseCause
from outbox.webhooks.models import EVERY_TYPE, WebhookEndpoint
from outbox.webhooks.permissions import WEBHOOK_ROLES
from outbox.webhooks.targets import masked
from qhse.adminsite.display import NONE, badge, link, moment
from qhse.adminsite.once import keep_for_repetition, made_before
from qhse.adminsite.steps import Step, SteppedAdmin

CHANGE, PAUSE, RESUME, ROTATE = "change", "pause", "resume", "rotate"
SENT_AGAIN = (
    "This form had been sent already. The secret was shown then, and is shown only once: if it is lost, rotate it."
)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(HistoryPanel, SteppedAdmin):
    roles = WEBHOOK_ROLES
    empty_list = (
        "There are no webhooks. Here will stand each address of another system to which events are sent as they happen."
    )
    menu_order = 41
    entity_type = "webhook"
    add_form = EndpointAddForm
    steps = {
        CHANGE: Step("Change", EndpointChangeForm, "change", "has been changed"),
        PAUSE: Step("Pause", PauseForm, "change", "has been paused", is_named=True),
        RESUME: Step("Make active", ResumeForm, "change", "is active again"),
        ROTATE: Step("Rotate the secret", RotateForm, "rotate_secret", "has a new secret", is_named=True),
    }
    list_display = ("name", "address", "events", "state", "failing", "made")
    list_filter = ("status",)
    search_fields = ("url", "description")
    search_help_text = "Part of the address or the description"
    export_fields = ("id", "description", "event_types", "status", "paused_because")
    ordering = ("id",)
    _shown = ("address", "name", "events", "state", "failing", "why", "secret_age", "deliveries", "made")

    def possible(self, request: HttpRequest, record: WebhookEndpoint) -> list[str]:
        if record.is_active:
            return [CHANGE, PAUSE, ROTATE]
        if record.paused_because == PauseCause.SECRET:
            return [ROTATE, RESUME, CHANGE]
        return [RESUME, CHANGE, ROTATE]

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        return self._shown if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: WebhookEndpoint | None) -> tuple[Any, ...]:
        if record is None:
            return ((None, {"fields": ("url", "description", "event_types")}),)
        return ((None, {"fields": self._shown}),)

    # --- The secret: on the page that answers, and never again --------------------------------------------------------

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST" and (before := made_before(request)):
            self.message_user(request, SENT_AGAIN, messages.WARNING)
            return HttpResponseRedirect(self.record_url(str(before["webhook"])))
        return super().changeform_view(request, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self._secret_page(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._secret_page(request, obj) if hasattr(obj, "told_secret") else super().response_change(request, obj)

    def _secret_page(self, request: HttpRequest, endpoint: Any) -> HttpResponse:
        # Not by a message and a redirect: both would be stored, for a repetition of the form.
        context = {
            **self.admin_site.each_context(request),
            "title": f"The secret of {endpoint}",
            "opts": self.opts,
            "secret": endpoint.told_secret,
            "record_url": self.record_url(str(endpoint.pk)),
        }
        response = TemplateResponse(request, "webhooks/secret.html", context, headers={"Cache-Control": "no-store"})
        keep_for_repetition(response, {"webhook": endpoint.pk})
        return response

    # --- Columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="name", ordering="description")
    def name(self, endpoint: WebhookEndpoint) -> str:
        return str(endpoint)

    @admin.display(description="address", ordering="url")
    def address(self, endpoint: WebhookEndpoint) -> str:
        return masked(endpoint.url)

    @admin.display(description="events")
    def events(self, endpoint: WebhookEndpoint) -> str:
        if EVERY_TYPE in endpoint.event_types:
            return "All"
        return ", ".join(sorted(map(what_happened, endpoint.event_types)))

    @admin.display(description="status", ordering="status")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        if endpoint.is_active:
            return badge("Failing", "warn") if endpoint.failures else badge("Active", "good")
        kind = "mute" if endpoint.paused_because == PauseCause.PERSON else "bad"
        return badge(f"Paused: {endpoint.get_paused_because_display().lower()}", kind)

    @admin.display(description="failing since (UTC)", ordering="failing_since")
    def failing(self, endpoint: WebhookEndpoint) -> SafeString | str:
        return moment(endpoint.failing_since)

    @admin.display(description="why the last call failed")
    def why(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.fails_because or NONE

    @admin.display(description="secret made (UTC)")
    def secret_age(self, endpoint: WebhookEndpoint) -> SafeString | str:
        return moment(endpoint.secret_since)

    @admin.display(description="made (UTC)", ordering="id")
    def made(self, endpoint: WebhookEndpoint) -> SafeString | str:
        return moment(endpoint.created_at)

    @admin.display(description="deliveries")
    def deliveries(self, endpoint: WebhookEndpoint) -> SafeString | str:
        if not endpoint.pk:
            return NONE
        url = reverse("admin:webhooks_webhookdelivery_changelist", query={"endpoint__id__exact": endpoint.pk})
        return link(url, "What was delivered, or is to be")
