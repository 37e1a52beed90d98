"""What staff may do with a supplier. Each form ends in one service."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin

from qhse.accounts.roles import Role
from qhse.adminsite.forms import AutocompleteInput, ServiceForm, reason_field
from suppliers.choices import SupplierStatus
from suppliers.countries import COUNTRIES
from suppliers.models import Supplier
from suppliers.models.supplier import MAX_EMAIL
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    create_supplier,
    merge_supplier,
    update_certification,
)
from suppliers.services.fields import DETAILS
from suppliers.standards import Standard
from suppliers.status import moves_from, who_decides

_BY_NAME = sorted(COUNTRIES.items(), key=lambda each: each[1].replace("Å", "A"))


class DetailedForm(ServiceForm):
    """A form with what may be said of a supplier beside its name."""

    leaves_constraints = True  # the service names the one that has the reference
    country = forms.ChoiceField(required=False, choices=[("", "– not known –"), *_BY_NAME])
    contact_email = forms.EmailField(
        required=False,
        max_length=MAX_EMAIL,
        label="E-mail of the contact",
        widget=forms.EmailInput(attrs={"class": "vTextField"}),
    )
    required_standards = forms.MultipleChoiceField(
        required=False,
        choices=Standard.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it has to be certified by.",
    )

    class Meta:
        model = Supplier
        fields: tuple[str, ...] = ("name", *DETAILS)
        labels: ClassVar[dict[str, str]] = {
            "external_ref": "External reference",
            "contact_name": "Contact",
            "next_review_on": "Next review",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "external_ref": "Its number in another system.",
            "criticality": "What it would mean if it failed.",
            "certification_expiry": "The last valid day. Leave empty when it is not known.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["criticality"].required = False

    def clean_criticality(self) -> str:
        return str(self.cleaned_data["criticality"] or self.instance.criticality)


class SupplierAddForm(DetailedForm):
    class Meta(DetailedForm.Meta):
        fields = ("name", "certification_expiry", *DETAILS)

    def write(self) -> Supplier:
        return create_supplier(**self.cleaned_data, actor=self.actor)


class SupplierCorrectForm(DetailedForm):
    reason = reason_field(required=True, help_text="Why it is corrected. Kept in the audit trail beside old and new.")

    def write(self) -> Supplier:
        return correct_supplier(
            supplier_id=self.instance.pk,
            values={name: self.cleaned_data[name] for name in ("name", *DETAILS)},
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )


class SupplierChangeForm(ServiceForm):
    reason = reason_field(required=False)

    class Meta:
        model = Supplier
        fields = ("certification_expiry",)
        labels = {"certification_expiry": "Valid until"}
        help_texts = {"certification_expiry": "The last valid day. Empty means: not known."}

    def write(self) -> Supplier:
        return update_certification(
            supplier_id=self.instance.pk,
            **self.cleaned_data,
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


def decisions(present: str, role: str) -> list[SupplierStatus]:
    """Return what a role may decide about a supplier of this status, in the order of the choices."""
    able = moves_from(present)
    return [each for each in SupplierStatus if each in able and role in who_decides(present, each)]


class SupplierStatusForm(ServiceForm):
    # Not called as the column: Django makes no field of one that is not editable, and refuses its name.
    decision = forms.ChoiceField(label="New status", widget=forms.RadioSelect)
    reason = reason_field(required=True, help_text="Why this is decided. Kept in the audit trail.")

    class Meta:
        model = Supplier
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = decisions(self.instance.status, str(Role(self.actor.role)))
        self.fields["decision"].choices = [(each.value, each.label) for each in able]  # type: ignore[attr-defined]
        if self.instance.proposed_status in able:
            self.initial.setdefault("decision", self.instance.proposed_status)

    def write(self) -> Supplier:
        return change_supplier_status(
            supplier_id=self.instance.pk,
            status=self.cleaned_data["decision"],
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )

    def _input_for(self, field: str | None) -> str | None:
        return super()._input_for("decision" if field == "status" else field)


class SupplierMergeForm(ServiceForm):
    introduction = (
        "For a supplier that was recorded twice. Its non-conformities, certificates and deliveries move to the one "
        "that is left. It keeps its name and its history, and takes no changes any more. This cannot be undone."
    )
    into = forms.ModelChoiceField(
        label="The one that is left",
        queryset=Supplier.objects.none(),
        widget=AutocompleteInput(Supplier._meta.get_field("merged_into"), admin.site),
    )
    reason = reason_field(required=True, help_text="Why it is the same one. Kept in the audit trail.")

    class Meta:
        model = Supplier
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].queryset = Supplier.objects.standing()  # type: ignore[attr-defined]

    def write(self) -> Supplier:
        return merge_supplier(
            supplier_id=self.instance.pk,
            into_id=self.cleaned_data["into"].pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )
