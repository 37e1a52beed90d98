"""What all admin pages share: rights from the role table, writes through services, no deleting."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import DateField, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import RoleTable
from qhse.adminsite.dates import DayField, DayInput
from qhse.adminsite.forms import AutocompleteInput, ServiceForm
from qhse.adminsite.late import given_back_if_denied, written_in, you_had_written
from qhse.adminsite.lists import ServiceLists
from qhse.adminsite.marks import OPENED, SEEN, number_in, opened_with, values_in, version_in
from qhse.adminsite.meanwhile import Change, in_words, label_of, meanwhile_panel, take_in, values_of
from qhse.adminsite.numbers import NUMBERS
from qhse.adminsite.once import held_back
from qhse.adminsite.panels import Content, record_panels


class ServiceModelAdmin(ServiceLists):
    """
    An admin page whose rights come from `roles` and whose writes are made by its forms' services.

    In the table, `list` and `retrieve` open the pages, `create` the add page, `change_action` the change page. Without
    a form for it an admin has no such write. Nothing is deleted. Django's own admin log is not written: it can be
    edited, and the audit trail has the same facts.
    """

    roles: ClassVar[RoleTable] = {}
    change_action: ClassVar[str] = ""
    add_form: ClassVar[type[ServiceForm] | None] = None
    change_form: ClassVar[type[ServiceForm] | None] = None
    save_label: ClassVar[str] = "Save"
    change_done: ClassVar[str] = "has been changed"
    empty_list: ClassVar[str] = ""  # what would stand in the list, and who puts it there
    menu_order: ClassVar[int] = 100
    change_form_template = "adminsite/record.html"
    formfield_overrides = {DateField: {"form_class": DayField, "widget": DayInput}, **NUMBERS}

    # --- Rights ---------------------------------------------------------------------------------------------------

    def allows(self, request: HttpRequest, action: str) -> bool:
        return is_allowed(request.user, action, self.roles)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "list")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "list" if obj is None else "retrieve")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.add_form is not None and self.allows(request, "create")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if obj is not None and self.finished(obj):
            return False
        return self.change_form is not None and self.allows(request, self.change_action)

    def finished(self, record: Any) -> str:
        """Return why this record takes no change any more, as the end of a sentence, or nothing."""
        return ""

    def too_late(self, request: HttpRequest, record: Any) -> str:
        """Return why the change that was sent cannot be made any more, as `finished` does."""
        return self.finished(record)

    def form_for(self, request: HttpRequest, record: Any) -> type[ServiceForm] | None:
        """Return the form by which this person changes the record now."""
        return self.change_form

    def label_of_save(self, request: HttpRequest, record: Any) -> str:
        return self.save_label

    def said_of_change(self, request: HttpRequest, record: Any) -> str:
        return self.change_done

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- Records --------------------------------------------------------------------------------------------------

    def record_panels(self, request: HttpRequest, record: Model) -> list[Content]:
        """Return what stands below a record's form: what apps have registered in `panels`."""
        return record_panels(request, record)

    def record_url(self, entity_id: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(quote(entity_id),))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        if not self.may_be_in(self.opts.pk.name, object_id):
            return None
        return super().get_object(request, object_id, from_field or None)  # Django looks up a field named ""

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = self.add_form if obj is None else self.form_for(request, obj)
        if form is not None:
            kwargs["form"] = form
        form_class = super().get_form(request, obj, change, **kwargs)
        if issubclass(form_class, ServiceForm):
            form_class.actor = request.user  # type: ignore[assignment]
            form_class.expected_versions = version_in(request)
            form_class.held_back = held_back(request)
            form_class.done = self.said_of_change(request, obj)
        return form_class

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = AutocompleteInput(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and hasattr(field.widget, "can_add_related"):
            # Records are linked, never edited through the form of another one.
            field.widget.can_add_related = field.widget.can_change_related = False
            field.widget.can_view_related = field.widget.can_delete_related = False
        return field

    def forms_sent(self, request: HttpRequest) -> list[type[ServiceForm]]:
        """Return the classes of form of which one may have been sent to a record's page, the likeliest first."""
        return [self.change_form] if self.change_form else []

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        _leave_pop_ups(request)
        sent = self.forms_sent(request) if object_id else [self.add_form] if self.add_form else []
        with given_back_if_denied(request, sent):
            return super().changeform_view(request, object_id, *args, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's page. If somebody else was quicker, it says that, and not that the user may not."""
        if request.method == "POST" and self.has_change_permission(request):
            record = self.get_object(request, unquote(object_id))
            if record is None and (text := you_had_written(written_in(request, self.forms_sent(request)))):
                self.message_user(request, f"Nothing has been stored.{text}", messages.WARNING)
            elif record is not None and self.too_late(request, record):
                return self._too_late(request, record)
        response = super().change_view(request, object_id, form_url, extra_context)
        context = getattr(response, "context_data", None) or {}
        if getattr(context.get("adminform"), "form", None) and getattr(context["adminform"].form, "is_stale", False):
            record = self.get_object(request, unquote(object_id))
            if record is not None and self.too_late(request, record):
                return self._too_late(request, record)
        return response

    def _too_late(self, request: HttpRequest, record: Any) -> HttpResponse:
        """Lead to a record that takes no change any more. Say who was quicker, and what the person had written."""
        last = next(iter(self.changes_since(record, 0)), None)
        who = f", by {last.by} on {last.at:%Y-%m-%d at %H:%M} UTC" if last and last.at else ""
        text = f"{self.told_as(record)} {self.too_late(request, record)}{who}; nothing has been changed."
        self.message_user(
            request, text + you_had_written(written_in(request, self.forms_sent(request))), messages.WARNING
        )
        return HttpResponseRedirect(self.on_the_way_back(request, self.record_url(str(record.pk))))

    def changes_since(self, record: Model, seen: int, fields: Collection[str] = ()) -> list[Change]:
        """
        Return what the trail has about a record after an entry, newest first, however long ago for these `fields`.

        See `HistoryPanel`.
        """
        return []

    def newest_seen(self, record: Model) -> int:
        """Return the newest entry that the trail has about a record, for `changes_since`."""
        return 0

    def told_as(self, record: Any) -> str:
        """Return the words by which people recognise a record in a message."""
        return str(record)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        record, form = kwargs.get("obj"), context["adminform"].form
        context["save_label"] = self.label_of_save(request, record) if record else "Save"
        if record is not None:
            context |= {"title": str(record), "subtitle": None, "panels": self.record_panels(request, record)}
        if isinstance(form, ServiceForm):
            context |= self._opened_with(request, record, form)
        return super().render_change_form(request, context, *args, **kwargs)

    def _opened_with(self, request: HttpRequest, record: Any, form: ServiceForm) -> dict[str, Any]:
        """Return what the page is told of its record's version, and of what has changed since it was opened."""
        told: dict[str, Any] = {"notice": form.notice}
        if form.notice:
            told["errors"] = ()  # the notice stands above the fields already
        if record is None:
            return told
        seen = request.POST.get(SEEN)
        if form.is_stale:
            differences = take_in(form, values_in(request.POST.get(OPENED, "")))
            changes = self.changes_since(record, number_in(seen or "") or 0, [each.field for each in differences])
            told["meanwhile"], seen = meanwhile_panel(form, differences, changes), None
        # A form with another version than the record's is stale: the page that comes back is opened anew.
        opened = values_of(type(form)(instance=record) if form.is_bound else form)
        told |= {"version": record.version, "seen": seen or self.newest_seen(record), "opened": opened_with(opened)}
        return told

    # --- After a write: on the record, and it is said what was written ------------------------------------------------

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        vars(request)["written"] = self._written(form) if change else ""
        return super().save_form(request, form, change)

    def _written(self, form: ServiceForm) -> str:
        """Return what a change has changed, in words. Texts and passwords are not repeated."""
        if not form.is_change:
            return "has not been changed: this is how it was already stored"
        names = [name for name in form.changed_data if name != "reason"]
        parts = []
        for name in names:
            field, label = form.fields[name], label_of(form, name).lower()
            quiet = "password" in name or isinstance(field.widget, forms.Textarea)
            parts.append(label if quiet else f"{label}: {in_words(field, form.cleaned_data[name])}")
        return f"{form.done}{': ' if parts else ''}{', '.join(parts)}"

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: Any = None) -> HttpResponse:
        """Lead to the new record, or to the next one to be added."""
        url = self.record_url(str(obj.pk))
        self.message_user(
            request, format_html('<a href="{}">{}</a> has been recorded.', url, self.told_as(obj)), messages.SUCCESS
        )
        return HttpResponseRedirect(
            self.on_the_way_back(request, request.get_full_path() if "_addanother" in request.POST else url)
        )

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        """Stay on the record. Its history shows what has just happened."""
        self.say_changed(request, obj, vars(request)["written"])
        return HttpResponseRedirect(self.on_the_way_back(request, self.record_url(str(obj.pk))))

    def say_changed(self, request: HttpRequest, record: Any, what: str) -> None:
        self.message_user(request, f"{self.told_as(record)} {what}.", messages.SUCCESS)

    def on_the_way_back(self, request: HttpRequest, url: str) -> str:
        """Return an address from which "Back to the list" leads to the list as the person had filtered it."""
        return add_preserved_filters({"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}, url)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Lead to the record, above its history. Django's page would read its own, empty log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(f"{self.record_url(unquote(object_id))}#history")

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Store nothing. The form's service has stored it."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None


class ReadOnlyAdmin(ServiceModelAdmin):
    """An admin that shows and never changes; `roles` says to whom."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.allows(request, "list")


def _leave_pop_ups(request: Any) -> None:
    """Let Django's page know of no pop-up, which ours have not: a field that one asks for is no reason to refuse."""
    for data in ("GET", "POST"):
        if asked := {IS_POPUP_VAR, TO_FIELD_VAR} & set(getattr(request, data)):
            left = getattr(request, data).copy()
            for name in asked:
                del left[name]
            setattr(request, data, left)
