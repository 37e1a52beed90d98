"""Every number that a form asks for: one reading of what was typed, or a refusal that says what to change."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.test import RequestFactory

from audit.admin.proof_page import ReviewForm
from ncs.models import NonConformity
from qhse.adminsite.numbers import AmountField, AmountInput, WholeNumberField, WholeNumberInput
from qhse.adminsite.tests.conftest import Browser, Records
from qhse.adminsite.tests.test_dates import forms_of
from suppliers.models import SupplierVolume

NO_WHOLE = (
    "1.000", "1,000", "1 000", "1'000", "1\u00a0000", "1.000,5", "12.0", "2.", "1_000", "+5", "-5", "-0", "1e3", "0x10",
    "\uff11\uff12", "\u0663", "twelve", "9" * 19, "9" * 5000,
)  # fmt: skip
NO_AMOUNT = (
    "1.000", "1,000", "1.000,5", "1,000.50", "1 000", "1_000", "+5", "-5", "-0", "-0.00", "1e3", "2.", ".5", "1.005",
    "NaN", "Infinity", "\uff11\uff12", "\u0663", "twelve",
)  # fmt: skip


class TestWholeNumberField:
    @pytest.mark.parametrize(("typed", "number"), [("0", 0), ("1000", 1000), (" 12 ", 12), (7, 7), ("", None)])
    def test_takes_digits_alone(self, typed: Any, number: int | None) -> None:
        assert WholeNumberField(required=False).clean(typed) == number

    @pytest.mark.parametrize("typed", NO_WHOLE)
    def test_refuses_what_is_not_plainly_a_number(self, typed: str) -> None:
        with pytest.raises(forms.ValidationError, match="whole number in digits alone, such as 1200"):
            WholeNumberField().clean(typed)


class TestAmountField:
    @pytest.mark.parametrize(
        ("typed", "amount"),
        [("1250", "1250"), ("1250.5", "1250.5"), ("1250,50", "1250.50"), (Decimal("0.00"), "0.00"), ("0", "0")],
    )
    def test_takes_a_point_or_a_comma_before_the_cents(self, typed: Any, amount: str) -> None:
        assert str(AmountField(max_digits=12, decimal_places=2).clean(typed)) == amount

    @pytest.mark.parametrize("typed", NO_AMOUNT)
    def test_refuses_what_can_mean_another_amount(self, typed: str) -> None:
        with pytest.raises(forms.ValidationError, match="without a sign for thousands"):
            AmountField(max_digits=12, decimal_places=2).clean(typed)


@pytest.mark.django_db
class TestEveryForm:
    def test_asks_for_numbers_by_these_fields(self, users: Any) -> None:
        request = RequestFactory().get("/admin/")
        request.user = users["admin"]
        numbers: list[str] = []
        for page in admin.site._registry.values():
            for form in forms_of(page):
                for name, declared in form.base_fields.items():
                    field = (
                        page.formfield_for_dbfield(page.model._meta.get_field(name), request)
                        if (name in form._meta.fields and name not in form.declared_fields)
                        else declared
                    )
                    if isinstance(field, forms.IntegerField):  # a DecimalField is one as well
                        numbers.append(f"{page.opts.label}.{name}")
                        assert isinstance(field, WholeNumberField | AmountField), name
                        assert isinstance(field.widget, WholeNumberInput | AmountInput), name

        assert isinstance(ReviewForm.base_fields["seal"], WholeNumberField)
        assert {name: numbers.count(name) for name in numbers} == {
            "suppliers.SupplierVolume.received_qty": 2,  # added, changed
            "suppliers.SupplierVolume.defective_qty": 2,
            "suppliers.SupplierVolume.received_lots": 2,
            "suppliers.SupplierVolume.rejected_lots": 2,
            "suppliers.SupplierVolume.late_lots": 2,
            "ncs.NonConformity.qty_received": 2,  # recorded, corrected
            "ncs.NonConformity.qty_defective": 2,
            "ncs.NonConformity.disposition_qty": 1,
            "ncs.NonConformity.cost": 1,
        }

    @pytest.mark.parametrize("typed", ["1.000", "1,000", "\u0663"])
    def test_of_a_month_refuses_beside_what_was_typed(
        self, browser: Browser, records: Records, traces: Any, typed: str
    ) -> None:
        before = traces()
        month = {"supplier": records.supplier.pk, "month": "2026-04", "received_qty": typed, "defective_qty": "0"}

        answer = browser("procurement").post("/admin/suppliers/suppliervolume/add/", month)

        assert list(answer.context["adminform"].form.errors) == ["received_qty"]
        assert re.search(rf'<input type="text"[^>]*value="{typed}"', answer.content.decode())
        assert traces() == before
        assert not SupplierVolume.objects.filter(month="2026-04-01").exists()

    @pytest.mark.parametrize(
        ("step", "field", "typed"),
        [
            ("correct", "qty_received", "12.000"), ("correct", "cost", "1.000"), ("correct", "cost", "-0"),
            ("dispose", "disposition_qty", "1.000"),
        ],
    )  # fmt: skip
    def test_of_a_case_refuses_beside_what_was_typed(
        self, browser: Browser, records: Records, traces: Any, step: str, field: str, typed: str
    ) -> None:
        nc = records.open_nc
        before = traces()
        form = {
            "supplier": nc.supplier_id, "severity": nc.severity, "description": nc.description, "due_on": nc.due_on,
            "disposition": "rework", "reason": "Counted again", field: typed,
        }  # fmt: skip

        answer = browser("quality").post(f"/admin/ncs/nonconformity/{nc.pk}/change/?step={step}", form)

        assert list(answer.context["adminform"].form.errors) == [field]
        assert traces() == before
        assert getattr(NonConformity.objects.get(pk=nc.pk), field) == getattr(nc, field)
