"""What staff may do with a non-conformity: open it, close it."""

from __future__ import annotations

from ncs.models import NonConformity
from ncs.services import close_nonconformity, open_nonconformity
from qhse.adminsite.forms import ServiceForm, reason_field


class NonConformityAddForm(ServiceForm):
    class Meta:
        model = NonConformity
        fields = ("supplier", "severity", "description")
        help_texts = {
            "description": "What was found against which requirement: lot, drawing, quantities, measured values."
        }

    def write(self) -> NonConformity:
        return open_nonconformity(
            supplier_id=self.cleaned_data["supplier"].pk,
            severity=self.cleaned_data["severity"],
            description=self.cleaned_data["description"],
            actor=self.actor,
        )


class NonConformityCloseForm(ServiceForm):
    """The one change that an NC allows."""

    reason = reason_field(required=True, help_text="What makes it closed. Kept in the audit trail.")

    class Meta:
        model = NonConformity
        fields: tuple[str, ...] = ()

    def write(self) -> NonConformity:
        return close_nonconformity(
            nc_id=self.instance.pk,
            actor=self.actor,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )
