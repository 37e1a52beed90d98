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
from django.db import transaction
from django.db.models import Model
from django.forms.utils import pretty_name
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.accounts.models import User
from qhse.adminsite.display import link
from qhse.adminsite.once import FILES_AGAIN, PASSWORDS_AGAIN
from qhse.errors import DomainError, RecordHasChanged
from qhse.text import LineRefused, one_line, plain

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm  # generic for the type checker only


STALE = (
    "Somebody has changed this while the page was open, and nothing of yours has been stored yet. See below what has "
    "changed. What you typed is still here: save again to store it now."
)


class PlainTextForm(forms.BaseForm):
    """
    A form that reads what was typed as it is stored, before it looks at lengths and at what is empty.

    A text area is read by `plain`, every other field of text by `one_line`, which may refuse it.

    Fields that keep their white space, such as passwords, are left alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.CharField) and field.strip:
                # In the field and not in the data: the page that comes back shows what was typed.
                label = str(field.label or pretty_name(name)).lower()
                rule = plain if isinstance(field.widget, forms.Textarea) else partial(one_line, called=label)
                field.to_python = partial(_read, rule, field.to_python)  # type: ignore[method-assign]


def _read(rule: Callable[[str], str], read: Callable[[Any], Any], typed: Any) -> Any:
    try:
        return read(rule(typed) if isinstance(typed, str) else typed)
    except LineRefused as refusal:
        raise ValidationError(str(refusal), code="invalid") from None


class ServiceForm(PlainTextForm, ModelForm):
    """
    A model form that never saves the model itself.

    When the input is clean, `write()` calls the service, with `expected_versions` where the service takes them. A
    DomainError becomes a form error: the page comes back with the input, and nothing is stored, whatever services were
    called before.

    If somebody else has changed the record since the page was opened, the form is refused as `is_stale`, and `notice`
    says so above the fields. `meanwhile.take_in` then lets what the person has not touched have the value of now.
    """

    actor: User  # these four are set by ServiceModelAdmin.get_form
    done: str = ""
    expected_versions: frozenset[int] | None = None
    held_back: str = ""
    introduction: str = ""  # what a person should know before they fill it in
    notice: str = ""
    leaves_constraints = False  # to the service, which fills in what the form leaves empty
    is_stale = False
    is_change = True  # False when the service found that nothing changes

    def write(self) -> Model:
        """Call the service and return the stored record. Subclasses implement it."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        # Django writes the input onto the instance to validate it. On a copy: the page that comes back after a
        # refusal shows the stored record beside the input.
        stored = self.instance
        self.instance = copy(stored)
        if self.leaves_constraints:
            self.instance.validate_constraints = lambda exclude=None: None
        super()._post_clean()  # type: ignore[misc]
        self.instance = stored
        if stored.pk and self.expected_versions is not None and stored.version not in self.expected_versions:
            self._refuse(STALE, is_stale=True)
        elif self.held_back:
            self._refuse(self.held_back)
        elif not self.errors:
            self._write(stored)

    def _write(self, stored: Model) -> None:
        try:
            with transaction.atomic():
                self.instance = self.write()
            self.is_change = not stored.pk or self.instance.version != stored.version  # type: ignore[attr-defined]
        except RecordHasChanged:
            stored.refresh_from_db()  # somebody was quicker, after the page's view had read the record
            self._refuse(STALE, is_stale=True)
        except DomainError as refusal:
            self.add_error(self._input_for(refusal.field), with_link(refusal))

    def _refuse(self, notice: str, *, is_stale: bool = False) -> None:
        # Alone: an error beside a field would judge the input by a record that the person has not seen.
        self.errors.clear()
        if any(isinstance(field.field.widget, forms.PasswordInput) and field.data for field in self):
            notice = f"{notice} {PASSWORDS_AGAIN}"
        if self.is_multipart():
            notice = f"{notice} {FILES_AGAIN}"
        self.add_error(None, notice)
        self.notice, self.is_stale = notice, is_stale

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
    """
    Django's widget, which would query for a rubbish value when its page comes back.

    `combobox.js` gives it an accessible name, `picker.js` mends its keys.
    """

    @property
    def media(self) -> forms.Media:
        scripts = ("admin/js/autocomplete.js", "adminsite/combobox.js", "adminsite/picker.js")
        return super().media + forms.Media(js=scripts)

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
