"""What staff may do with a case. Each form ends in one service."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.db.models import Q

from ncs.choices import CLOSING_CODES, Cause, Disposition, System
from ncs.models import NonConformity
from ncs.repeats import repeats_of
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    close_nonconformity,
    concede_nonconformity,
    contain_nonconformity,
    correct_nonconformity,
    dispose_nonconformity,
    open_nonconformity,
    reopen_nonconformity,
    void_nonconformity,
)
from ncs.services.people import OWNERS
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.adminsite.dates import DayField, DayInput
from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.numbers import WholeNumberField

DETAILS = (
    "system", "category", "detected_on", "detected_at", "part_no", "lot_no", "po_ref", "qty_received", "qty_defective",
)  # fmt: skip
CORRECTED = ("severity", "description", *DETAILS, "customer_informed_on", "cost", "due_on")
_CHOICE = "– choose –"


def text_field(
    *, rows: int, most: int, help_text: str, label: str | None = None, required: bool = True
) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows, "class": "vLargeTextField"}),
        help_text=help_text,
    )


def choice_field(choices: Any, **more: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", _CHOICE), *choices], **more)


class OwnerField(forms.ModelChoiceField):
    """One of those who work on cases."""

    def __init__(self, **more: Any) -> None:
        super().__init__(queryset=User.objects.none(), empty_label="– nobody –", **more)

    def offer(self, present: int | None) -> None:
        """Offer who may own something now, and the present owner, who may have left. For each request anew."""
        able = Q(is_active=True, role__in=OWNERS) | Q(pk=present)
        self.queryset = User.objects.filter(able).order_by("name_order", "username_key")


class OwnedForm(ServiceForm):
    """A form with an owner."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].offer(self.instance.owner_id)  # type: ignore[attr-defined]

    def owner_id(self) -> int | None:
        owner = self.cleaned_data["owner"]
        return None if owner is None else owner.pk


class _DetailedForm(ServiceForm):
    """A form with the details of a case. One that says no management system means quality."""

    def clean_system(self) -> str:
        return self.cleaned_data["system"] or System.QUALITY.value

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].required = False


class NonConformityAddForm(OwnedForm, _DetailedForm):
    """Records a case. If it repeats earlier ones it says so first, and is stored when it is sent again."""

    owner = OwnerField(required=False)
    repeats_seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = NonConformity
        fields = ("supplier", "severity", "description", *DETAILS, "owner", "due_on")
        help_texts: ClassVar[dict[str, str]] = {
            "description": "What was found against which requirement: drawing, measured values.",
            "due_on": "Without one, by the severity.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not self.held_back:
            self._tell_repeats(cleaned)
        return cleaned

    def _tell_repeats(self, cleaned: dict[str, Any]) -> None:
        repeats = repeats_of(
            supplier_id=cleaned["supplier"].pk, category=cleaned["category"], part_no=cleaned["part_no"]
        )
        seen = ",".join(map(str, repeats.ids))
        if repeats.ids and cleaned["repeats_seen"] != seen:
            numbers = ", ".join(nc.number for nc in NonConformity.objects.filter(pk__in=repeats.ids))
            data: Any = copy(self.data)
            data["repeats_seen"] = seen
            self.data = data
            self.notice = (
                f"The same supplier has earlier ones with the same {repeats.rule}: {numbers}. Nothing has been stored "
                "yet. Save again to record this one as a repeat of the newest."
            )
            self.add_error(None, self.notice)

    def write(self) -> NonConformity:
        values = {name: self.cleaned_data[name] for name in DETAILS}
        return open_nonconformity(
            supplier_id=self.cleaned_data["supplier"].pk,
            severity=self.cleaned_data["severity"],
            description=self.cleaned_data["description"],
            owner_id=self.owner_id(),
            due_on=self.cleaned_data["due_on"],
            **values,
            actor=self.actor,
        )


class NonConformityCorrectForm(_DetailedForm):
    reason = reason_field(required=True, help_text="Why it is corrected. Kept in the audit trail beside old and new.")

    class Meta:
        model = NonConformity
        fields = ("supplier", *CORRECTED)

    def write(self) -> NonConformity:
        values = {name: self.cleaned_data[name] for name in CORRECTED}
        return correct_nonconformity(
            nc_id=self.instance.pk,
            values=values | {"supplier_id": self.cleaned_data["supplier"].pk},
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )


class NonConformityAssignForm(OwnedForm):
    owner = OwnerField(required=False)
    due_on = DayField(widget=DayInput, label="Due on")
    reason = reason_field(required=False, help_text="Needed for another due date. Kept in the audit trail.")

    class Meta:
        model = NonConformity
        fields = ("owner", "due_on")

    def write(self) -> NonConformity:
        return assign_nonconformity(
            nc_id=self.instance.pk,
            owner_id=self.owner_id(),
            due_on=self.cleaned_data["due_on"],
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class NonConformityContainForm(ServiceForm):
    containment = text_field(
        rows=5,
        most=2000,
        help_text="What keeps the defect from doing harm: blocked stock, sorted lots, who was warned.",
    )

    class Meta:
        model = NonConformity
        fields = ("containment",)

    def write(self) -> NonConformity:
        return contain_nonconformity(
            nc_id=self.instance.pk,
            containment=self.cleaned_data["containment"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class NonConformityAnalyseForm(ServiceForm):
    cause_code = choice_field(Cause.choices, label="Class of the cause")
    root_cause = text_field(rows=8, most=5000, help_text="Why it happened, and why that: five whys, one line each.")

    class Meta:
        model = NonConformity
        fields = ("cause_code", "root_cause")

    def write(self) -> NonConformity:
        return analyse_nonconformity(
            nc_id=self.instance.pk,
            cause_code=self.cleaned_data["cause_code"],
            root_cause=self.cleaned_data["root_cause"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class NonConformityDisposeForm(ServiceForm):
    disposition = choice_field(Disposition.choices)
    disposition_qty = WholeNumberField(required=False, label="Pieces")
    reason = reason_field(required=True, help_text="Why this is decided. Kept in the audit trail.")

    class Meta:
        model = NonConformity
        fields = ("disposition", "disposition_qty")

    def write(self) -> NonConformity:
        return dispose_nonconformity(
            nc_id=self.instance.pk,
            disposition=self.cleaned_data["disposition"],
            disposition_qty=self.cleaned_data["disposition_qty"],
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class _ReasonedForm(ServiceForm):
    class Meta:
        model = NonConformity
        fields: tuple[str, ...] = ()


class NonConformityConcedeForm(_ReasonedForm):
    reason = reason_field(required=True, help_text="Why the product may be used as it is. Kept in the audit trail.")

    def write(self) -> NonConformity:
        return concede_nonconformity(
            nc_id=self.instance.pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )


class NonConformityCloseForm(_ReasonedForm):
    closure_code = forms.ChoiceField(
        label="Closed as",
        required=False,
        choices=[("", "What follows from the disposition"), *CLOSING_CODES],
    )
    reason = reason_field(required=True, help_text="What makes it closed. Kept in the audit trail.")
    override = forms.BooleanField(
        required=False,
        label="Close it although evidence is missing",
        help_text="Administrators only. What is missing stays on record.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        override = self.fields["override"]
        if self.actor.role != Role.ADMIN or not self.instance.missing or settings.NC_CLOSE_GATE["admin"] != "enforce":
            override.disabled, override.widget = True, forms.HiddenInput()

    def write(self) -> NonConformity:
        return close_nonconformity(
            nc_id=self.instance.pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            closure_code=self.cleaned_data["closure_code"],
            gate=settings.NC_CLOSE_GATE["admin"],
            override=self.cleaned_data.get("override", False),
            expected_versions=self.expected_versions,
        )


class NonConformityReopenForm(_ReasonedForm):
    reason = reason_field(required=True, help_text="Why it is opened again. Kept in the audit trail.")

    def write(self) -> NonConformity:
        return reopen_nonconformity(
            nc_id=self.instance.pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )


class NonConformityVoidForm(_ReasonedForm):
    introduction = "It will count against nobody. What of its actions runs is cancelled. It stays in the trail."
    reason = reason_field(required=True, help_text="Why it was a mistake. Kept in the audit trail.")

    def write(self) -> NonConformity:
        return void_nonconformity(
            nc_id=self.instance.pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )
