"""Fields convert nothing: a value of another type is refused, however near it is."""

from __future__ import annotations

from datetime import date

import pytest
from rest_framework.exceptions import ValidationError

from qhse.api.fields import DayField, OneOfField, TextField, WholeNumberField


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TextField(), "Hansa Forge GmbH"),
        (WholeNumberField(), 4711),
        (WholeNumberField(), -1),
        (OneOfField(choices=[("low", "Low"), ("high", "High")]), "low"),
    ],
)
def test_a_value_of_the_type_is_taken_as_it_is(field, value):
    assert field.run_validation(value) == value


def test_a_day_is_read():
    assert DayField().run_validation("2027-06-30") == date(2027, 6, 30)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TextField(), 4711),
        (TextField(), True),
        (TextField(), ["Hansa"]),
        (WholeNumberField(), 1.0),
        (WholeNumberField(), "1"),
        (WholeNumberField(), True),
        (WholeNumberField(), "١"),
        (DayField(), "20270630"),
        (DayField(), "2027-6-3"),
        (DayField(), "2027-W01-1"),
        (DayField(), "2027-02-30"),
        (DayField(), 20270630),
        (DayField(), "2027-06-30T00:00:00Z"),
    ],
)
def test_a_value_that_would_need_a_conversion_is_refused(field, value):
    with pytest.raises(ValidationError):
        field.run_validation(value)


def test_the_refusal_of_a_choice_lists_the_choices():
    with pytest.raises(ValidationError, match=r"Must be one of low, high\."):
        OneOfField(choices=[("low", "Low"), ("high", "High")]).run_validation("medium")
