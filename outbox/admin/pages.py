"""The outbox in the admin. It is read only, but dead events can be requeued or dismissed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.history import HistoryPanel, RecordNames, history_pages, names_for
from audit.words import actions_called, what_happened
from outbox.admin.panel import first_line, outbox_panel
from outbox.choices import EventStatus
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.permissions import OUTBOX_ROLES
from outbox.services import dismiss_dead_event, requeue_dead_event
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, badge, block, moment
from qhse.adminsite.filters import PeriodFilter, indexed_values
from qhse.adminsite.forms import ServiceForm, reason_field

STATUS_BADGES = {
    EventStatus.PENDING: "warn",
    EventStatus.PROCESSED: "good",
    EventStatus.DEAD: "bad",
    EventStatus.DISMISSED: "mute",
}
DISMISS = "_dismiss"  # the name of the second button


class DecisionForm(ServiceForm):
    """What a person decides about a dead event. The button says which of the two it is."""

    reason = reason_field(
        required=True,
        help_text="Why it will work this time, or why it need never be handled. Kept in the audit trail. "
        "A dismissed event is never handled. Nobody can take that back.",
    )

    class Meta:
        model = OutboxEvent
        fields: tuple[str, ...] = ()

    def write(self) -> OutboxEvent:
        if DISMISS in self.data and not is_allowed(self.actor, "dismiss", OUTBOX_ROLES):
            raise PermissionDenied
        decide = dismiss_dead_event if DISMISS in self.data else requeue_dead_event
        return decide(
            event_id=self.instance.event_id,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )


@admin.register(OutboxEvent)
class OutboxEventAdmin(BulkActionsAdmin, HistoryPanel):
    roles = OUTBOX_ROLES
    may_read_replica = True
    empty_list = (
        "There are no events. Each change of a record leaves one here, for the worker to do what follows from it. "
        "Handled ones are removed after some time."
    )
    menu_order = 40
    change_action = "requeue"
    change_form = DecisionForm
    save_label = "Requeue event"
    entity_type = "outbox_event"
    change_list_template = "outbox/event_list.html"
    list_display_links = ("created",)
    list_filter = (
        "status",
        indexed_values("event_type", "what happened", words=what_happened),
        ("created_at", PeriodFilter),
    )
    search_fields = ("aggregate_id__exact", "event_type")
    search_help_text = "NC number, supplier, what or event id"
    unexported_fields = ("next_attempt_at",)  # beside the column it would say 1970 of what is due at once
    export_fields = ("event_id", "event_type", "aggregate_type", "aggregate_id", "status", "payload", "headers",
                     "last_error")  # fmt: skip
    actions = ("requeue_selected", "dismiss_selected")
    list_display = ("created", "what", "about", "status_badge", "attempts", "next_attempt", "error")
    readonly_fields = (
        "what", "about", "event_id", "event_type", "schema_version", "status_badge", "attempts", "error_text",
        "next_attempt", "occurred", "processed", "dismissed", "handled_by", "payload_text", "headers_text",
    )  # fmt: skip

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the state of the outbox above the list. Only those who get to see the list are shown it."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data["outbox"] = outbox_panel()
        return response

    def look_up_for(self, request: HttpRequest, records: Sequence[Any]) -> None:
        _link_records(request, records)

    def get_fieldsets(self, request: HttpRequest, obj: OutboxEvent | None = None) -> Any:
        shown = ((None, {"fields": self.readonly_fields}),)
        if obj is not None and self.has_change_permission(request, obj):
            return (*shown, ("Requeue or dismiss it", {"fields": ("reason",), "classes": ("act",)}))
        return shown

    def finished(self, record: OutboxEvent) -> str:
        if record.status == EventStatus.DISMISSED:
            return "has been dismissed, which is final"
        return "" if record.status == EventStatus.DEAD else "is not dead any more"

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_dismiss_permission(request):
            context["second_button"] = (DISMISS, "Dismiss event")
        return super().render_change_form(request, context, *args, **kwargs)

    def say_changed(self, request: HttpRequest, record: Any, what: str) -> None:
        decided = "dismissed" if record.status == EventStatus.DISMISSED else "requeued"
        super().say_changed(request, record, f"has been {decided}")

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "requeue")

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "dismiss")

    def entity_id(self, record: Any) -> str:
        return str(record.event_id)

    def record_url(self, entity_id: str) -> str:
        """Return the page of a row id. For an event id, return the list that shows this one event."""
        if entity_id.isdecimal():
            return super().record_url(entity_id)
        return reverse("admin:outbox_outboxevent_changelist", query={"q": entity_id})

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if _is_uuid(search_term.strip()):
            return queryset.filter(event_id=UUID(search_term.strip())), False
        found, _ = super().get_search_results(request, queryset, search_term)
        for page in history_pages():
            if ids := list(page.ids_called(search_term)):
                found = found | queryset.filter(aggregate_type=page.entity_type, aggregate_id__in=ids)
        if types := actions_called(search_term):
            found = found | queryset.filter(event_type__in=types)
        return found, False

    def ids_called(self, term: str) -> Iterable[str]:
        return [str(UUID(term.strip()))] if _is_uuid(term.strip()) else []

    def describe(self, record: OutboxEvent) -> str:
        return f"{self.name_of(record)} · {self.error(record)}"

    @admin.action(description="Requeue selected dead events", permissions=["requeue"])
    def requeue_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> HttpResponse | None:
        return self._decide_on_selected(
            request, queryset, requeue_dead_event, action="requeue_selected", title="Requeue dead events"
        )

    @admin.action(description="Dismiss selected dead events for ever", permissions=["dismiss"])
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> HttpResponse | None:
        return self._decide_on_selected(
            request, queryset, dismiss_dead_event, action="dismiss_selected", title="Dismiss dead events for ever"
        )

    def _decide_on_selected(
        self,
        request: HttpRequest,
        queryset: QuerySet[OutboxEvent],
        decide: Callable[..., OutboxEvent],
        *,
        action: str,
        title: str,
    ) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            applies_to=Q(status=EventStatus.DEAD),
            action=action,
            title=title,
            nothing="None of the selected events is dead.",
            perform=lambda event, reason, seen: decide(
                event_id=event.event_id, actor=actor, reason=reason, expected_versions=seen
            ),
        )

    def name_of(self, record: Any) -> str:
        """Return what happened to which record, in words."""
        return next(iter(self._named([record]).values()))

    def names_of(self, entity_ids: Collection[str]) -> dict[str, str]:
        events = OutboxEvent.objects.filter(event_id__in=[each for each in entity_ids if _is_uuid(each)])
        return self._named(list(events))

    def _named(self, events: list[OutboxEvent]) -> dict[str, str]:
        names = RecordNames().look_up(_records_of(events))
        return {
            self.entity_id(
                each
            ): f"{what_happened(each.event_type)}: {names.text(each.aggregate_type, each.aggregate_id)}"
            for each in events
        }

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        event = super().get_object(request, object_id, from_field)
        _link_records(request, [event] if event else [])
        return event

    @admin.display(description="about", ordering="aggregate_id")
    def about(self, event: Any) -> SafeString | str:
        about: SafeString | str = event.about
        return about

    @admin.display(description="what happened", ordering="event_type")
    def what(self, event: OutboxEvent) -> str:
        return what_happened(event.event_type)

    @admin.display(description="status", ordering="status")
    def status_badge(self, event: OutboxEvent) -> SafeString:
        return badge(event.get_status_display(), STATUS_BADGES[EventStatus(event.status)])

    @admin.display(description="created (UTC)", ordering="id")
    def created(self, event: OutboxEvent) -> SafeString | str:
        return moment(event.created_at)

    @admin.display(description="occurred (UTC)")
    def occurred(self, event: OutboxEvent) -> SafeString | str:
        return moment(event.occurred_at)

    @admin.display(description="processed (UTC)")
    def processed(self, event: OutboxEvent) -> SafeString | str:
        return moment(event.processed_at)

    @admin.display(description="dismissed (UTC)")
    def dismissed(self, event: OutboxEvent) -> SafeString | str:
        return moment(event.dismissed_at)

    @admin.display(description="next attempt (UTC)", ordering="next_attempt_at")
    def next_attempt(self, event: OutboxEvent) -> SafeString | str:
        return moment(event.due_from) if event.status == EventStatus.PENDING else NONE

    @admin.display(description="last error")
    def error(self, event: OutboxEvent) -> str:
        return first_line(event.last_error)

    @admin.display(description="last error")
    def error_text(self, event: OutboxEvent) -> SafeString | str:
        return block(event.last_error, "Last error")

    @admin.display(description="payload")
    def payload_text(self, event: OutboxEvent) -> SafeString | str:
        return block(json.dumps(event.payload, indent=2, ensure_ascii=False), "Payload")

    @admin.display(description="headers")
    def headers_text(self, event: OutboxEvent) -> SafeString | str:
        return block(json.dumps(event.headers, indent=2, ensure_ascii=False), "Headers")

    @admin.display(description="handled by")
    def handled_by(self, event: OutboxEvent) -> SafeString | str:
        rows = ProcessedEvent.objects.filter(event_id=event.event_id).values_list("handler", "processed_at")
        return format_html_join("", "<div>{} at {} UTC</div>", ((name, moment(at)) for name, at in rows)) or NONE


def _link_records(request: HttpRequest, events: Iterable[Any]) -> None:
    """Give each event the link to the record that it is about, for the column `about`."""
    names = names_for(request).look_up(_records_of(events))
    for event in events:
        event.about = names.link(event.aggregate_type, event.aggregate_id)


def _records_of(events: Iterable[OutboxEvent]) -> Iterable[tuple[str, str]]:
    return ((event.aggregate_type, event.aggregate_id) for event in events)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
