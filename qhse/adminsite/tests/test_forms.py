"""Forms that end in a service call."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from ncs.models import NonConformity
from qhse.adminsite.forms import ServiceForm
from qhse.errors import DomainError


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
