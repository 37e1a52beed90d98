"""Forms that end in a service call."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
from django import forms
from django.contrib import admin
from django.contrib.staticfiles import finders

from ncs.admin.forms import OwnerField
from ncs.models import NonConformity
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.forms import AutocompleteInput, ServiceForm
from qhse.errors import DomainError
from suppliers.admin.certificate_forms import RenewedField


def form_whose_service_refuses(field: str | None) -> type[ServiceForm]:
    class RefusedForm(ServiceForm):
        class Meta:
            model = NonConformity
            fields = ("supplier", "severity", "description")

        def write(self) -> NoReturn:
            raise DomainError("It cannot be.", field=field)

    return RefusedForm


class TestServiceForm:
    @pytest.mark.parametrize(
        ("named", "shown"),
        [("severity", "severity"), ("supplier_id", "supplier"), ("nosuch", "__all__"), (None, "__all__")],
    )
    def test_shows_a_refusal_beside_the_field_it_names_or_above_all(
        self, named: str | None, shown: str, make_supplier: Any
    ) -> None:
        values = {"supplier": make_supplier().pk, "severity": "low", "description": "Delivery 4711: wet"}

        form = form_whose_service_refuses(named)(values)

        assert form.errors == {shown: ["It cannot be."]}

    def test_does_not_call_the_service_with_input_that_is_no_input(self, make_supplier: Any) -> None:
        form = form_whose_service_refuses(None)({"supplier": make_supplier().pk, "severity": "fatal"})

        assert set(form.errors) == {"severity", "description"}


class TestPickersOfRecords:
    def test_are_ours_on_every_page_and_mended_after_djangos_own_script(self, rf: Any, users: dict[str, Any]) -> None:
        request = rf.get("/")
        request.user = users["admin"]
        pages = [page for page in admin.site._registry.values() if isinstance(page, ServiceModelAdmin)]
        pickers = [
            field.widget.widget
            for page in pages
            if page.add_form
            for field in page.get_form(request, None).base_fields.values()
            if isinstance(field, forms.ModelChoiceField)
            if not isinstance(field, OwnerField | RenewedField)  # short lists
        ]

        assert pickers
        for picker in pickers:
            assert isinstance(picker, AutocompleteInput)
            scripts = [str(script) for script in picker.media._js]
            assert scripts.index("admin/js/autocomplete.js") < scripts.index("adminsite/picker.js")

    def test_forget_the_results_of_an_earlier_text_and_pass_the_focus_on(self) -> None:
        # What the browser tests try with real keys; here so that nobody empties the file unseen.
        script = Path(finders.find("adminsite/picker.js")).read_text(encoding="utf-8")

        assert "picker.on('query', () => picker.$results.children().not('.loading-results').remove())" in script
        assert "select.addEventListener('focus', pass)" in script


class TestAPageThatIsReachedByBack:
    @pytest.mark.parametrize("page", ["suppliers/supplier/add/", "password_change/", "ncs/nonconformity/"])
    def test_brings_the_marks_of_its_forms_back_with_it(self, browser: Any, page: str) -> None:
        shown = browser("admin").get(f"/admin/{page}").content.decode()

        assert '<script src="/static/adminsite/forms.js" defer></script>' in shown
