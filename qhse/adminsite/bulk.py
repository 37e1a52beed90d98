"""Actions on several selected records, with one reason for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.forms import ReasonForm
from qhse.adminsite.late import given_back_if_denied, written_in, you_had_written
from qhse.adminsite.marks import CONFIRMED, VERSION, versions_in
from qhse.adminsite.once import held_back
from qhse.errors import DomainError, RecordHasChanged

MOST_AT_ONCE = 200
NAMED = 10  # records whose names are told when something has been done with them

Perform = Callable[[Any, str, "frozenset[int] | None"], object]
"""Calls a service for one record, with the reason and the version that the person has seen."""


class BulkActionsAdmin(ServiceModelAdmin):
    """Adds `ask_reason`, and refuses a tampered selection before it reaches a query."""

    def describe(self, record: Any) -> str:
        """Return the line by which a person recognises the record on the page that asks for the reason."""
        return str(record)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with given_back_if_denied(request, [ReasonForm]):
            # Django would say that no action was chosen.
            asked = request.POST.get("action")
            if CONFIRMED in request.POST and asked in (self.actions or ()) and asked not in self.get_actions(request):
                raise PermissionDenied
            return super().changelist_view(request, extra_context)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        try:
            for value in chosen:
                self.opts.pk.clean(value, None)
        except ValidationError:
            self.message_user(request, "The selection was not understood; nothing has been changed.", messages.ERROR)
            return None
        if CONFIRMED in request.POST:
            # What the person read on the page, whatever else the form says, and also what the list has no more.
            queryset = self.get_queryset(request).filter(pk__in=chosen)
        return super().response_action(request, queryset, *args, **kwargs)

    def ask_reason(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        applies_to: Q,
        action: str,
        title: str,
        nothing: str,
        perform: Perform,
    ) -> HttpResponse | None:
        """
        Show a page that lists the records that the action `applies_to`, and asks for a reason. Then call `perform` for
        each of them.

        What is refused, finished or changed since the page was shown is reported by name, and left as it is. The others
        are done, in one transaction: if the database fails, nothing is. `nothing` is said when the action applies to no
        record of the selection.
        """
        listed = queryset if CONFIRMED in request.POST else queryset.filter(applies_to)
        chosen = list(listed[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(
                request, f"At most {MOST_AT_ONCE} at once: select fewer, or narrow the list.", messages.ERROR
            )
            return None
        self.look_up_for(request, chosen)
        records = [record for record in chosen if not self.finished(record)]
        if not records:
            text = you_had_written(written_in(request, [ReasonForm]))
            self.message_user(request, f"{nothing}{text}", messages.WARNING)
            return None
        form = ReasonForm(request.POST if CONFIRMED in request.POST else None)
        notice = held_back(request)
        if notice or not form.is_valid():
            return self._reason_page(request, records, form, notice, action=action, title=title)
        for record in chosen:
            if why := self.finished(record):
                self.message_user(request, f"{self.told_as(record)} {why}, and was left as it is.", messages.WARNING)
        self._perform(request, records, form.cleaned_data["reason"], title, perform)
        return None

    def _perform(self, request: HttpRequest, records: list[Any], reason: str, title: str, perform: Perform) -> None:
        seen = versions_in(request) if VERSION in request.POST else None
        done: list[str] = []
        for record in records:
            expected = None if seen is None else seen.get(str(record.pk), frozenset())
            try:
                with transaction.atomic():
                    perform(record, reason, expected)
            except RecordHasChanged:
                self.message_user(request, self._changed_meanwhile(record), messages.ERROR)
            except DomainError as refusal:
                self.message_user(request, f"{self.told_as(record)}: {refusal.detail}", messages.ERROR)
            else:
                done.append(self.told_as(record))
        if done:
            more = f" and {len(done) - NAMED} more" if len(done) > NAMED else ""
            names = f"{', '.join(done[:NAMED])}{more}"
            self.message_user(request, f"{title}: {len(done)} done: {names}.", messages.SUCCESS)
        else:
            self.message_user(request, f"Nothing has been changed. You had written: {reason}", messages.WARNING)

    def _changed_meanwhile(self, record: Any) -> str:
        last = next(iter(self.changes_since(record, 0)), None)
        who = f" by {last.by} on {last.at:%Y-%m-%d at %H:%M} UTC" if last and last.at else ""
        return f"{self.told_as(record)} was changed meanwhile{who}, and was left as it is: look at it again."

    def _reason_page(
        self, request: HttpRequest, records: list[Any], form: ReasonForm, notice: str, *, action: str, title: str
    ) -> HttpResponse:
        seen = versions_in(request)  # of the page that comes back: what the person has read, not what is there now
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "records": [
                (record.pk, next(iter(seen.get(str(record.pk), ())), record.version), self.describe(record))
                for record in records
            ],
            "form": form,
            "notice": notice,
            "action": action,
            "list_address": request.get_full_path(),
            "media": self.media,
        }
        return TemplateResponse(request, "adminsite/action_with_reason.html", context)
