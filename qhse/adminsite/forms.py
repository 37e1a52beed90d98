"""Forms that end in a service call. A refusal shows beside the field it is about."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.accounts.models import User
from qhse.adminsite.display import link
from qhse.errors import DomainError
from qhse.text import plain

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm  # generic for the type checker only


class PlainTextForm(forms.BaseForm):
    """
    A form that reads what was typed as `plain` has it, before it looks at lengths and at what is empty.

    Fields that keep their white space, such as passwords, are left alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField) and field.strip:
                # In the field and not in the data: the page that comes back shows what was typed.
                field.to_python = partial(_read_plain, field.to_python)  # type: ignore[method-assign]


def _read_plain(read: Callable[[Any], Any], typed: Any) -> Any:
    return read(plain(typed) if isinstance(typed, str) else typed)


class ServiceForm(PlainTextForm, ModelForm):
    """
    A model form that never saves the model itself.

    When the input is clean, `write()` calls the service, in the transaction that Django's admin opens around the form.
    A DomainError becomes a form error: the page comes back with the input, and nothing is stored. So `write()` may call
    several services only if just the first can refuse.
    """

    actor: User  # set by ServiceModelAdmin.get_form

    def write(self) -> Model:
        """Call the service and return the stored record. Subclasses implement it."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        # Django writes the input onto the instance to validate it. On a copy: the page that comes back after a
        # refusal shows the stored record beside the input.
        stored = self.instance
        self.instance = copy(stored)
        super()._post_clean()  # type: ignore[misc]
        self.instance = stored
        if self.errors:
            return
        try:
            self.instance = self.write()
        except DomainError as refusal:
            self.add_error(self._input_for(refusal.field), with_link(refusal))

    def _input_for(self, field: str | None) -> str | None:
        """Return the form's field for a service's argument: `supplier_id` is typed in as `supplier`."""
        names = (field or "", (field or "").removesuffix("_id"))
        return next((name for name in names if name in self.fields), None)

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """Store nothing. There are no many-to-many fields, and the record is stored already."""


def with_link(refusal: DomainError) -> SafeString | str:
    """Return what a refusal says, with the way to the record that is in the way."""
    page: Any = admin.site._registry.get(type(refusal.existing))
    if page is None:
        return refusal.detail
    return format_html("{} {}", refusal.detail, link(page.record_url(str(refusal.existing.pk)), "Open it"))


class AutocompleteInput(AutocompleteSelect):
    """Django's widget, which would query for a rubbish value when its page comes back, and has no accessible name."""

    @property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=["admin/js/autocomplete.js", "adminsite/combobox.js"])

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> Any:  # type: ignore[override]
        return super().optgroups(name, [each for each in value if self._may_be_a_key(each)], attr)

    def _may_be_a_key(self, value: str) -> bool:
        try:
            self.field.remote_field.model._meta.pk.clean(value, None)
        except ValidationError:
            return False
        return True


def reason_field(*, required: bool, help_text: str = "Kept in the audit trail.") -> forms.CharField:
    return forms.CharField(
        required=required,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text=help_text,
    )


class ReasonForm(PlainTextForm, forms.Form):
    """Asks why, before an action changes several records."""

    reason = reason_field(required=True, help_text="Kept in the audit trail beside every record that changes.")
