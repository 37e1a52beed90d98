"""What all admin pages share: rights from the role table, writes through services, no deleting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.accounts.roles import RoleTable
from qhse.adminsite.forms import ReasonForm, ServiceForm
from qhse.api.permissions import is_allowed
from qhse.errors import DomainError

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin  # generic for the type checker only


class ServiceModelAdmin(ModelAdmin):
    """
    An admin page whose rights come from `roles` and whose writes are made by its forms' services.

    `list` and `retrieve` in the table open the pages, `create` the add page, `change_action` the change page;
    an admin without a form for one of them has no such write. Nothing is deleted. Django's own admin log is not
    written: it can be edited, and the audit trail has the same facts.
    """

    roles: ClassVar[RoleTable] = {}
    change_action: ClassVar[str] = ""
    add_form: ClassVar[type[ServiceForm] | None] = None
    change_form: ClassVar[type[ServiceForm] | None] = None
    save_as = False
    save_on_top = False
    show_full_result_count = False
    list_per_page = 50

    def allows(self, request: HttpRequest, action: str) -> bool:
        return is_allowed(request.user, action, self.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "list")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "list" if obj is None else "retrieve")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.add_form is not None and self.allows(request, "create")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.change_form is not None and self.allows(request, self.change_action)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = self.add_form if obj is None else self.change_form
        if form is not None:
            kwargs["form"] = form
        form_class = super().get_form(request, obj, change, **kwargs)
        form_class.actor = request.user  # type: ignore[attr-defined]
        return form_class

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Store nothing: the form's service has stored it."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def ask_reason(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        action: str,
        title: str,
        perform: Callable[[Any, str], object],
    ) -> HttpResponse | None:
        """
        Show a page that asks for a reason, then call `perform(record, reason)` for each selected record.

        Each record is its own transaction: a refused one is reported by name and the others are done.
        """
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "records": queryset,
                "form": form,
                "action": action,
                "media": self.media,
            }
            return TemplateResponse(request, "adminsite/action_with_reason.html", context)
        done = 0
        for record in queryset:
            try:
                perform(record, form.cleaned_data["reason"])
                done += 1
            except DomainError as refusal:
                self.message_user(request, f"{record}: {refusal.detail}", messages.ERROR)
        if done:
            self.message_user(request, f"{title}: {done} done.", messages.SUCCESS)
        return None


class ReadOnlyAdmin(ServiceModelAdmin):
    """An admin that shows and never changes; `roles` says to whom."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "list")


def badge(text: object, kind: str) -> SafeString:
    """Return a coloured label; `kind` is one of good, warn, bad, mute and comes from code, never from data."""
    return format_html('<span class="badge badge-{}">{}</span>', kind, text)
