"""Every day that a form asks for: the browser's input, one reading of what was typed, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django import forms
from django.contrib import admin
from django.test import Client, RequestFactory

from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.dates import DayField, DayInput
from suppliers.models import Supplier


def forms_of(page):
    """Return the forms by which a page writes: to add, to change, and for each step."""
    if not isinstance(page, ServiceModelAdmin):
        return []
    steps = [step.form for step in getattr(page, "steps", {}).values()]
    return [form for form in (page.add_form, page.change_form, *steps) if form is not None]


class TestDayField:
    def test_stores_what_the_browsers_input_sends(self):
        assert DayField().clean("2029-06-30") == date(2029, 6, 30)
        assert DayField(required=False).clean("") is None
        assert DayField(required=False).clean("  ") is None

    def test_names_both_readings_of_an_ambiguous_day(self):
        with pytest.raises(forms.ValidationError, match="7 October 2029 or 10 July 2029"):
            DayField().clean("07/10/2029")


class TestDayInput:
    @pytest.mark.parametrize("value", [date(2029, 6, 30), "2029-06-30"])
    def test_is_the_browsers_own_with_a_value_it_can_show(self, value):
        shown = DayInput().render("until", value)

        assert 'type="date"' in shown
        assert 'value="2029-06-30"' in shown

    def test_gives_back_as_text_what_the_browser_could_not_show(self):
        shown = DayInput().render("until", "07/10/2029")

        assert 'type="text"' in shown
        assert 'value="07/10/2029"' in shown
        assert 'placeholder="YYYY-MM-DD"' in shown


@pytest.mark.django_db
class TestEveryForm:
    def test_asks_for_days_by_this_field(self, users):
        request = RequestFactory().get("/admin/")
        request.user = users["admin"]
        days = []
        for page in admin.site._registry.values():
            for form in forms_of(page):
                for name, field in form.base_fields.items():
                    field = (
                        page.formfield_for_dbfield(page.model._meta.get_field(name), request)
                        if (name in form._meta.fields and name not in form.declared_fields)
                        else field
                    )
                    if isinstance(field, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField):
                        days.append(f"{page.opts.label}.{name}")
                        assert isinstance(field, DayField), name
                        assert isinstance(field.widget, DayInput), name

        assert {name: days.count(name) for name in days} == {
            "suppliers.Supplier.certification_expiry": 2,  # recorded, renewed
            "suppliers.Supplier.next_review_on": 2,  # recorded, corrected
            "suppliers.Supplier.until": 1,  # an override of the risk level
            "suppliers.Certificate.valid_from": 2,  # handed in, corrected
            "suppliers.Certificate.valid_to": 2,
            "suppliers.Certificate.last_surveillance_on": 2,
            "ncs.NonConformity.detected_on": 2,  # recorded, corrected
            "ncs.NonConformity.customer_informed_on": 1,
            "ncs.NonConformity.due_on": 3,  # and assigned
            "ncs.CorrectiveAction.due_on": 2,  # agreed on, changed
        }

    @pytest.mark.parametrize("typed", ["30.06.2029", "30 June 2029", "06/30/2029"])
    def test_stores_the_one_day_that_was_meant(self, users, typed):
        client = Client()
        client.force_login(users["procurement"])

        client.post("/admin/suppliers/supplier/add/", {"name": "Hansa Forge", "certification_expiry": typed})

        assert Supplier.objects.get().certification_expiry == date(2029, 6, 30)

    def test_refuses_an_ambiguous_one_beside_what_was_typed(self, users):
        client = Client()
        client.force_login(users["procurement"])

        answer = client.post("/admin/suppliers/supplier/add/", {"name": "H", "certification_expiry": "07/10/2029"})
        shown = answer.content.decode()

        assert "This can mean 7 October 2029 or 10 July 2029. Write 2029-10-07 or 2029-07-10." in shown
        assert re.search(r'<input type="text"[^>]*value="07/10/2029"', shown)
        assert not Supplier.objects.exists()
