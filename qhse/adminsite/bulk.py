"""Actions on several selected records, with one reason for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.forms import ReasonForm
from qhse.errors import DomainError

MOST_AT_ONCE = 200


class BulkActionsAdmin(ServiceModelAdmin):
    """Adds `ask_reason`, and refuses a tampered selection before it reaches a query."""

    def describe(self, record: Any) -> str:
        """Return the line by which a person recognises the record on the page that asks for the reason."""
        return str(record)

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
        if "confirmed" in request.POST:
            queryset = queryset.filter(pk__in=chosen)  # what the person read on the page, whatever else the form says
        return super().response_action(request, queryset, *args, **kwargs)

    def ask_reason(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        action: str,
        title: str,
        nothing: str,
        perform: Callable[[Any, str], object],
    ) -> HttpResponse | None:
        """
        Show a page that asks for a reason. Then call `perform(record, reason)` for each record of `queryset`.

        Each record is its own transaction: a refused one is reported by name, the others are done. `nothing` is said
        when the action applies to no record of the selection.
        """
        records = list(queryset[: MOST_AT_ONCE + 1])
        if not records:
            self.message_user(request, nothing, messages.WARNING)
            return None
        if len(records) > MOST_AT_ONCE:
            self.message_user(
                request, f"At most {MOST_AT_ONCE} at once: select fewer, or narrow the list.", messages.ERROR
            )
            return None
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._reason_page(request, records, form, action=action, title=title)
        done = 0
        for record in records:
            try:
                perform(record, form.cleaned_data["reason"])
                done += 1
            except DomainError as refusal:
                self.message_user(request, f"{record}: {refusal.detail}", messages.ERROR)
            except OperationalError:
                # Those before are stored, which a page of refusal would deny; those after would wait as long again.
                text = f"{record}: the database could not do it now. It and those after it are left as they were."
                self.message_user(request, text, messages.ERROR)
                break
        if done:
            self.message_user(request, f"{title}: {done} done.", messages.SUCCESS)
        return None

    def _reason_page(
        self, request: HttpRequest, records: list[Any], form: ReasonForm, *, action: str, title: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "records": [(record.pk, self.describe(record)) for record in records],
            "form": form,
            "action": action,
            "media": self.media,
        }
        return TemplateResponse(request, "adminsite/action_with_reason.html", context)
