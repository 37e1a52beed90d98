"""Filters take what they understand and refuse the rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from qhse.api.filters import (
    PLAUSIBLE_DAY,
    DayFilter,
    IdFilter,
    MomentFilter,
    OneOfFilter,
    TotalOrderingFilter,
    TrueFalseFilter,
)
from qhse.days import EARLIEST, LATEST, doubt
from suppliers.models import Supplier


class TestIdFilter:
    @pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), ("9" * 18, 10**18 - 1), ("", None)])
    def test_takes_digits(self, text, number):
        assert IdFilter().field.clean(text) == number

    @pytest.mark.parametrize("text", ["-1", "+1", "1.0", "1_000", "١", " 1", "9" * 19, "0x10"])
    def test_refuses_everything_else(self, text):
        with pytest.raises(ValidationError):
            IdFilter().field.clean(text)


class TestMomentFilter:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
            ("2026-11-23T08:00:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
            ("2026-11-23T08:00:00+02:00", datetime(2026, 11, 23, 6, tzinfo=UTC)),
        ],
    )
    def test_takes_a_date_or_a_moment(self, text, moment):
        assert MomentFilter().field.clean(text) == moment

    @pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59-14:00"])
    def test_refuses_what_no_calendar_has(self, text):
        with pytest.raises(ValidationError):
            MomentFilter().field.clean(text)


class TestDayFilter:
    @pytest.mark.parametrize("text", ["1980-01-01", "2026-11-27", "2199-12-31"])
    def test_takes_a_day_that_a_record_can_have(self, text):
        assert DayFilter().field.clean(text).isoformat() == text

    @pytest.mark.parametrize("text", ["0001-01-01", "1979-12-31", "2200-01-01", "9999-12-31"])
    def test_says_which_days_can_be_meant(self, text):
        with pytest.raises(ValidationError, match=f"{text} is not plausible; it must be from 1980-01-01 to 2199-12-31"):
            DayFilter().field.clean(text)

    @pytest.mark.parametrize("day", [EARLIEST, LATEST])
    def test_has_a_pattern_in_the_document_that_ends_where_its_refusals_begin(self, day):
        around = [day - timedelta(days=1), day, day + timedelta(days=1)]

        documented = [re.match(PLAUSIBLE_DAY["pattern"], each.isoformat()) is not None for each in around]

        assert documented == [not doubt(each) for each in around]

    @pytest.mark.parametrize("text", ["0001", "2026-1-1", "20260101", "2026-02-30"])
    def test_says_how_a_day_is_written(self, text):
        with pytest.raises(ValidationError, match="YYYY-MM-DD"):
            DayFilter().field.clean(text)


@pytest.mark.parametrize("text", ["True", "1", "yes", "FALSE"])
def test_true_and_false_are_the_only_words_for_them(text):
    with pytest.raises(ValidationError, match=r"Must be one of true, false\."):
        TrueFalseFilter().field.clean(text)


def test_the_refusal_of_a_choice_lists_the_choices():
    with pytest.raises(ValidationError, match=r"Must be one of low, high\."):
        OneOfFilter(choices=[("low", "Low"), ("high", "High")]).field.clean("medium")


class TestTotalOrderingFilter:
    ordering = TotalOrderingFilter(fields=("name", "risk_score"))

    @pytest.mark.parametrize(
        ("fields", "order"),
        [
            (["name"], ("name", "id")),
            (["-name"], ("-name", "-id")),
            (["-name", "risk_score"], ("-name", "risk_score", "id")),
        ],
    )
    def test_ends_with_the_key_in_the_last_fields_direction(self, fields, order):
        assert self.ordering.filter(Supplier.objects.all(), fields).query.order_by == order

    @pytest.mark.parametrize("text", ["name,", ",name", "name,name", "id", "name;risk_score"])
    def test_refuses_what_is_no_list_of_its_fields(self, text):
        with pytest.raises(ValidationError):
            self.ordering.field.clean(text)
