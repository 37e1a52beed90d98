"""What staff may do with a supplier: record it, update its certification."""

from __future__ import annotations

from qhse.adminsite.forms import ServiceForm, reason_field
from suppliers.models import Supplier
from suppliers.services import create_supplier, update_certification


class SupplierAddForm(ServiceForm):
    class Meta:
        model = Supplier
        fields = ("name", "certification_expiry")
        help_texts = {"certification_expiry": "The last valid day. Leave empty when it is not known."}

    def write(self) -> Supplier:
        return create_supplier(**self.cleaned_data, actor=self.actor)


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
