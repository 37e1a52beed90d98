"""What has to leave for other systems: what waits and why, and what was put aside and waits for a decision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.history import RecordNames, names_for
from audit.words import what_happened
from outbox.admin.panel import first_line
from outbox.choices import OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER
from outbox.permissions import OUTBOX_ROLES
from outbox.relay.services import dismiss_messages, requeue_messages
from qhse.accounts.models import User
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, badge, block, link, moment
from qhse.errors import RecordHasChanged

STATE_BADGES = {
    OutgoingState.FRESH: "mute",
    OutgoingState.WAITING: "warn",
    OutgoingState.BEHIND: "mute",
    OutgoingState.ASIDE: "bad",
}
RECEIVERS = {BROKER: "Broker", "webhooks": "Webhooks"}


@admin.register(Outgoing)
class MessageAdmin(BulkActionsAdmin):
    roles = OUTBOX_ROLES
    empty_list = "Nothing has to leave. Each event stands here until the broker has it, or the webhooks that want it."
    menu_order = 41
    list_filter = ("state",)
    list_display = ("what", "about", "receiver", "state_badge", "attempts", "next_attempt", "error")
    readonly_fields = (*list_display[:-1], "error_text", "event_link")
    fieldsets = ((None, {"fields": readonly_fields}),)
    export_fields = ("id", "event_id", "event_type", "channel", "state", "attempts", "last_error")
    unexported_fields = ("event_link",)
    actions = ("requeue_selected", "dismiss_selected")
    ordering = ("id",)

    def look_up_for(self, request: HttpRequest, records: Sequence[Any]) -> None:
        _give_events(records)
        _give_names(records, names := names_for(request))
        for message in records:
            message.subject = names.link(*_subject(message.its_event)) if message.its_event else NONE

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        message = super().get_object(request, object_id, from_field)
        self.look_up_for(request, [message] if message else [])
        return message

    def finished(self, record: Any) -> str:
        return "" if record.state == OutgoingState.ASIDE else "is not put aside any more"

    def name_of(self, record: Any) -> str:
        """Return what happened to which record, in words."""
        if not hasattr(record, "called"):
            _give_events([record])
            _give_names([record], RecordNames())
        called: str = record.called
        return called

    def told_as(self, record: Any) -> str:
        return self.name_of(record)

    def describe(self, record: Any) -> str:
        return f"{self.name_of(record)} · {first_line(record.last_error)}"

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "requeue")

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "dismiss")

    @admin.action(description="Send selected messages again", permissions=["requeue"])
    def requeue_selected(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> HttpResponse | None:
        return self._decide(request, queryset, requeue_messages, "requeue_selected", "Send messages again")

    @admin.action(description="Dismiss selected messages for ever", permissions=["dismiss"])
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[Outgoing]) -> HttpResponse | None:
        return self._decide(request, queryset, dismiss_messages, "dismiss_selected", "Dismiss messages for ever")

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Outgoing], decide: Callable[..., int], action: str, title: str
    ) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None

        def perform(message: Outgoing, reason: str, seen: Collection[int] | None) -> None:
            if not decide(ids=[message.pk], actor=actor, reason=reason, expected_versions=seen):
                raise RecordHasChanged("Somebody else has decided about it meanwhile.")

        return self.ask_reason(
            request,
            queryset,
            applies_to=Q(state=OutgoingState.ASIDE),
            action=action,
            title=title,
            nothing="None of the selected messages is put aside.",
            perform=perform,
        )

    @admin.display(description="what happened")
    def what(self, message: Any) -> str:
        return what_happened(message.its_event.event_type) if message.its_event else NONE

    @admin.display(description="about")
    def about(self, message: Any) -> SafeString | str:
        subject: SafeString | str = message.subject
        return subject

    @admin.display(description="to", ordering="channel")
    def receiver(self, message: Outgoing) -> str:
        return RECEIVERS.get(message.channel, message.channel)

    @admin.display(description="state", ordering="state")
    def state_badge(self, message: Outgoing) -> SafeString:
        state = OutgoingState(message.state)
        return badge(str(state.label), STATE_BADGES[state])

    @admin.display(description="next attempt (UTC)")
    def next_attempt(self, message: Outgoing) -> SafeString | str:
        return moment(message.next_attempt_at)

    @admin.display(description="last error")
    def error(self, message: Outgoing) -> str:
        return first_line(message.last_error)

    @admin.display(description="last error")
    def error_text(self, message: Outgoing) -> SafeString | str:
        return block(message.last_error, "Last error")

    @admin.display(description="event")
    def event_link(self, message: Any) -> SafeString | str:
        if message.its_event is None:
            return NONE
        return link(reverse("admin:outbox_outboxevent_change", args=(message.event,)), str(message.its_event.event_id))


def _give_events(messages: Sequence[Any]) -> None:
    """Give each message its event, or None: somebody may have deleted that by hand. There is no foreign key."""
    events = OutboxEvent.objects.only("event_id", "event_type", "aggregate_type", "aggregate_id")
    found = events.in_bulk([message.event for message in messages])
    for message in messages:
        message.its_event = event = found.get(message.event)
        message.event_id, message.event_type = (event.event_id, event.event_type) if event else (None, None)


def _give_names(messages: Sequence[Any], names: RecordNames) -> None:
    names.look_up(_subjects(messages))
    for message in messages:
        event = message.its_event
        called = str(message) if event is None else f"{what_happened(event.event_type)}: {names.text(*_subject(event))}"
        message.called = called


def _subjects(messages: Iterable[Any]) -> Iterable[tuple[str, str]]:
    return (_subject(message.its_event) for message in messages if message.its_event)


def _subject(event: OutboxEvent) -> tuple[str, str]:
    return event.aggregate_type, event.aggregate_id
