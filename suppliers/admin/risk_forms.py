"""Overriding the risk level of a supplier, and ending that."""

from __future__ import annotations

from django import forms

from qhse.adminsite.dates import DayField, DayInput
from qhse.adminsite.forms import ServiceForm, reason_field
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.services import OVERRIDE_DAYS, override_risk


class _OverrideForm(ServiceForm):
    class Meta:
        model = Supplier
        fields: tuple[str, ...] = ()

    def write(self) -> Supplier:
        return override_risk(
            supplier_id=self.instance.pk,
            level=self.cleaned_data.get("level"),
            until=self.cleaned_data.get("until"),
            reason=self.cleaned_data["reason"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


class SupplierOverrideForm(_OverrideForm):
    """Shows the supplier with another level. What stands there already is not filled in: an override is said anew."""

    introduction = (
        f"The computed score stays as it is, and stays visible. An override ends by itself, after {OVERRIDE_DAYS} days "
        "at most. Who has set one renews it within these days; beyond them somebody else does."
    )
    level = forms.ChoiceField(label="Level", choices=[("", "– choose –"), *RiskLevel.choices])
    until = DayField(label="Until", widget=DayInput, help_text="Its last day.")
    reason = reason_field(required=True, help_text="Why. It stands on the page and in the audit trail.")


class SupplierEndOverrideForm(_OverrideForm):
    introduction = "The supplier is shown with its computed level again."
    reason = reason_field(required=True)


def risk_steps(supplier: Supplier) -> list[str]:
    """Return the steps that concern the risk level, of those that the supplier takes now."""
    if not supplier.is_assessed:
        return []
    return ["override", *(["end_override"] if supplier.override_in_force else [])]
