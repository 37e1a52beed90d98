"""Actions in the admin: every write goes through the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from ncs.admin.columns import due_words
from ncs.admin.filters import OverdueFilter, OwnerFilter, RunningFilter
from ncs.admin.forms import OwnedForm, OwnerField, text_field
from ncs.choices import ActionKind, ActionStatus, NcStatus
from ncs.models import CorrectiveAction
from ncs.numbers import numbers_in
from ncs.permissions import ACTION_ROLES
from ncs.services import cancel_action, change_action, complete_action, open_action, start_action, verify_action
from ncs.workflow import action_may_move
from qhse.adminsite.dates import DayField, DayInput
from qhse.adminsite.display import badge, link, prose
from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.panels import show_on_records
from qhse.adminsite.steps import Step
from qhse.attachments.admin.pages import FilesAdmin, file_steps
from qhse.attachments.admin.panels import files_panel
from qhse.searches import found_in
from qhse.searching import MOST_FOUND, words_of

STATUS_BADGES = {
    ActionStatus.OPEN: "warn",
    ActionStatus.IN_PROGRESS: "warn",
    ActionStatus.DONE: "mute",
    ActionStatus.EFFECTIVE: "good",
    ActionStatus.INEFFECTIVE: "bad",
    ActionStatus.CANCELLED: "mute",
}
_CONTACT = "Who it is at the supplier, if it is nobody of ours."


class ActionAddForm(OwnedForm):
    leaves_constraints = True
    owner = OwnerField(required=False, help_text="Without an owner and a contact it is yours.")

    class Meta:
        model = CorrectiveAction
        fields = ("nc", "kind", "title", "owner", "contact", "due_on")
        labels = {"nc": "Non-conformity", "title": "What is to be done"}
        help_texts = {"contact": _CONTACT, "due_on": "Without one, that of the case."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["due_on"].required = False

    def write(self) -> CorrectiveAction:
        return open_action(
            nc_id=self.cleaned_data["nc"].pk,
            kind=self.cleaned_data["kind"],
            title=self.cleaned_data["title"],
            owner_id=self.owner_id(),
            contact=self.cleaned_data["contact"],
            due_on=self.cleaned_data["due_on"],
            actor=self.actor,
        )


class ActionChangeForm(OwnedForm):
    leaves_constraints = True
    owner = OwnerField(required=False)
    due_on = DayField(widget=DayInput, label="Due on")
    reason = reason_field(required=False, help_text="Needed for another due date. Kept in the audit trail.")

    class Meta:
        model = CorrectiveAction
        fields = ("title", "owner", "contact", "due_on")
        labels = {"title": "What is to be done"}
        help_texts = {"contact": _CONTACT}

    def write(self) -> CorrectiveAction:
        return change_action(
            action_id=self.instance.pk,
            values={
                "title": self.cleaned_data["title"],
                "owner_id": self.owner_id(),
                "contact": self.cleaned_data["contact"],
                "due_on": self.cleaned_data["due_on"],
            },
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class _StepForm(ServiceForm):
    leaves_constraints = True

    class Meta:
        model = CorrectiveAction
        fields: tuple[str, ...] = ()


class ActionStartForm(_StepForm):
    introduction = "Say that somebody has begun."

    def write(self) -> CorrectiveAction:
        return start_action(action_id=self.instance.pk, actor=self.actor, expected_versions=self.expected_versions)


class ActionCompleteForm(_StepForm):
    note = text_field(
        rows=5, most=2000, required=False, label="What was done",
        help_text="Not needed if a file on the action shows it. Somebody else then verifies whether it helped.",
    )  # fmt: skip

    def write(self) -> CorrectiveAction:
        return complete_action(
            action_id=self.instance.pk,
            note=self.cleaned_data["note"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class ActionVerifyForm(_StepForm):
    verdict = forms.ChoiceField(
        label="Did it help?",
        choices=[("effective", "Yes, it was effective"), ("ineffective", "No: another action takes its place")],
        widget=forms.RadioSelect,
    )
    note = text_field(rows=4, most=2000, label="How it was verified", help_text="Kept in the audit trail.")

    def write(self) -> CorrectiveAction:
        return verify_action(
            action_id=self.instance.pk,
            effective=self.cleaned_data["verdict"] == "effective",
            note=self.cleaned_data["note"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class ActionCancelForm(_StepForm):
    reason = reason_field(required=True, help_text="Why it will not be done. Kept in the audit trail.")

    def write(self) -> CorrectiveAction:
        return cancel_action(
            action_id=self.instance.pk,
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


@admin.register(CorrectiveAction)
class CorrectiveActionAdmin(FilesAdmin, HistoryPanel):
    roles = ACTION_ROLES
    may_read_replica = True
    menu_order = 15
    empty_list = "No action waits for anybody. Here stands what is to be done about cases, until it is verified."
    entity_type = "action"
    add_form = ActionAddForm
    steps = {
        "start": Step("Begin", ActionStartForm, "start", "has begun"),
        "complete": Step("Complete", ActionCompleteForm, "complete", "has been completed"),
        "verify": Step("Verify", ActionVerifyForm, "verify", "has been verified"),
        "change": Step("Change", ActionChangeForm, "change", "has been changed"),
        "cancel": Step("Cancel", ActionCancelForm, "cancel", "has been cancelled", is_named=True),
        **file_steps("change"),
    }
    list_display = ("title", "nc_number", "kind", "status_badge", "whose", "due")
    list_filter = (RunningFilter, OverdueFilter, OwnerFilter, "kind")
    list_select_related = ("nc", "owner")
    unexported_fields = ("overdue_told",)
    export_fields = ("status", "contact", "done_note", "verification_note")
    search_fields = ("title", "contact")
    search_help_text = "What is to be done, a contact, or the number of the non-conformity"
    autocomplete_fields = ("nc",)
    ordering = ("-id",)
    _shown = ("nc_link", "kind_told", "aim", "status_badge", "whose", "due", "done", "verified", "follows")

    def get_readonly_fields(self, request: HttpRequest, obj: CorrectiveAction | None = None) -> Any:
        return self._shown if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: CorrectiveAction | None) -> tuple[Any, ...]:
        if record is None:
            return ((None, {"fields": ActionAddForm.Meta.fields}),)
        told = ("done", "verified", "follows")
        fields = tuple(name for name in self._shown if name not in told or getattr(self, name)(record))
        return ((None, {"fields": fields}),)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"kind": ActionKind.CORRECTIVE, **super().get_changeform_initial_data(request)}

    def possible(self, request: HttpRequest, record: CorrectiveAction) -> list[str]:
        if record.nc.status != NcStatus.OPEN:
            return []
        moves = {
            "start": ActionStatus.IN_PROGRESS,
            "complete": ActionStatus.DONE,
            "verify": ActionStatus.EFFECTIVE,
            "change": None,
            "cancel": ActionStatus.CANCELLED,
        }
        running = action_may_move(record.kind, record.status, ActionStatus.CANCELLED)
        names = [
            name
            for name, target in moves.items()
            if (running if target is None else action_may_move(record.kind, record.status, target))
        ]
        if record.done_by_id == request.user.pk:
            names = [name for name in names if name != "verify"]
        names = [name for name in names if name != "cancel" or record.follow_up_of_id is None]
        return [*names, *self.possible_with_files(request)]

    def finished(self, record: CorrectiveAction) -> str:
        if record.nc.status != NcStatus.OPEN:
            return "is on a case that has been closed"
        settled = record.status in (ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE, ActionStatus.CANCELLED)
        return f"is {record.get_status_display().lower()} already" if settled else ""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not words_of(search_term):
            return queryset, False
        ids, certain = numbers_in(search_term)
        numbered = Q(nc__in=ids)
        return queryset.filter(
            numbered if certain else numbered | found_in(search_term, columns=self.search_fields)
        ), False

    def ids_called(self, term: str) -> Iterable[str]:
        """The actions of the cases of these numbers: they are a part of what happened to the case."""
        ids, _ = numbers_in(term)
        found = CorrectiveAction.objects.filter(nc__in=ids) if ids else CorrectiveAction.objects.none()
        return [str(pk) for pk in found.order_by("-id").values_list("pk", flat=True)[:MOST_FOUND]]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Lead back to the case, which lists the new action."""
        response = super().response_add(request, obj, post_url_continue)
        if "_addanother" not in request.POST:
            response["Location"] = reverse("admin:ncs_nonconformity_change", args=(obj.nc_id,))
        return response

    @admin.display(description="non-conformity", ordering="nc_id")
    def nc_number(self, action: CorrectiveAction) -> str:
        return action.nc.number

    @admin.display(description="non-conformity")
    def nc_link(self, action: CorrectiveAction) -> SafeString:
        return link(reverse("admin:ncs_nonconformity_change", args=(action.nc_id,)), action.nc.number)

    @admin.display(description="kind")
    def kind_told(self, action: CorrectiveAction) -> str:
        return action.get_kind_display()

    @admin.display(description="what is to be done")
    def aim(self, action: CorrectiveAction) -> str:
        return action.title

    @admin.display(description="state", ordering="status")
    def status_badge(self, action: CorrectiveAction) -> SafeString:
        return badge(action.get_status_display(), STATUS_BADGES[ActionStatus(action.status)])

    @admin.display(description="whose", ordering="owner__name_order")
    def whose(self, action: CorrectiveAction) -> str:
        return action.contact if action.owner is None else action.owner.username

    @admin.display(description="due", ordering="due_on")
    def due(self, action: CorrectiveAction) -> SafeString | str:
        return due_words(action.due_on, late=action.overdue)

    @admin.display(description="completed")
    def done(self, action: CorrectiveAction) -> SafeString | str:
        if action.done_at is None or action.done_by is None:
            return ""
        return prose(f"{action.done_at:%Y-%m-%d %H:%M} UTC by {action.done_by.username}\n{action.done_note}")

    @admin.display(description="verified")
    def verified(self, action: CorrectiveAction) -> SafeString | str:
        if action.verified_at is None or action.verified_by is None:
            return ""
        when = f"{action.verified_at:%Y-%m-%d %H:%M} UTC by {action.verified_by.username}"
        return prose(f"{when}\n{action.verification_note}")

    @admin.display(description="takes the place of")
    def follows(self, action: CorrectiveAction) -> SafeString | str:
        earlier = action.follow_up_of
        return "" if earlier is None else link(self.record_url(str(earlier.pk)), earlier.title)


show_on_records(CorrectiveAction, files_panel)
