"""Forms whose validation ends in the service call, so that a refusal shows beside the field it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model

from qhse.accounts.models import User
from qhse.errors import DomainError

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm  # generic for the type checker only


class ServiceForm(ModelForm):
    """
    A model form that never saves the model itself.

    When the input is clean, `write()` calls the service, inside the transaction that Django's admin opens around
    the form. A DomainError becomes a form error: the page comes back with what was typed, nothing is stored.
    """

    actor: User  # set by ServiceModelAdmin.get_form

    def write(self) -> Model:
        """Call the service and return the stored record. Subclasses implement it."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            self.instance = self.write()
        except DomainError as refusal:
            field = refusal.field if refusal.field in self.fields else None
            self.add_error(field, refusal.detail)

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """Store nothing: there are no many-to-many fields, and the record is stored already."""


class ReasonForm(forms.Form):
    """Asks why, before an action changes several records."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Kept in the audit trail beside every record that changes.",
    )

    def clean_reason(self) -> Any:
        return self.cleaned_data["reason"].strip()
