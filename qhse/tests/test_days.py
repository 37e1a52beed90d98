"""A day is understood when it can be only one. Else the refusal says what it could be, or which form is wanted."""

from __future__ import annotations

from datetime import date

import pytest

from qhse.days import DayRefused, read_day


class TestReadDay:
    @pytest.mark.parametrize(
        "text",
        [
            "2029-06-30", "2029-6-30", "2029/06/30", "2029.06.30", "30.06.2029", "30.6.2029", "30. 06. 2029",
            "30/06/2029", "06/30/2029", "30-06-2029", "6-30-2029", "30 06 2029", "30 June 2029", "30 june 2029",
            "30 Jun 2029", "30-Jun-2029", "30th June 2029", "30th of June, 2029", "June 30, 2029", "Jun 30 2029",
            "June 30th, 2029", "30. June 2029", " 30  June  2029 ", "30\u00a0June\u00a02029", "２０２９-０６-３０",
            "30\u201106\u20112029", "30–06–2029", "2029\u221206\u221230", "30 — 06 — 2029", "30.06.2029\u200b",
            "\ufeff30.06.2029", "\u200e30\u200e.\u200e06\u200e.\u200e2029", "\u202a30.06.2029\u202c",
            "\u206630/06/2029\u2069", "30\u200f/06\u200f/2029", "30\u202fJune\u202f2029", "June\u00ad 30, 2029",
        ],
    )  # fmt: skip
    def test_understands_what_can_be_only_one_day(self, text):
        assert read_day(text) == date(2029, 6, 30)

    def test_does_not_care_which_is_which_when_both_are_the_same(self):
        assert read_day("07/07/2029") == date(2029, 7, 7)

    @pytest.mark.parametrize("text", ["07/10/2029", "7/10/2029", "07.10.2029", "07-10-2029", "7 10 2029"])
    def test_refuses_what_can_be_two_and_names_both(self, text):
        with pytest.raises(DayRefused) as refusal:
            read_day(text)

        assert str(refusal.value) == ("This can mean 7 October 2029 or 10 July 2029. Write 2029-10-07 or 2029-07-10.")

    @pytest.mark.parametrize(
        "text",
        [
            "", "tomorrow", "30.06.29", "2029-02-30", "31/06/2029", "13/13/2029", "30 Juny 2029", "2029-W26-6",
            "20290630", "2029-06", "0000-01-01", "30 June", "2029-06-30T00:00", "٣٠/٠٦/٢٠٢٩", "9" * 5000, "-" * 5000,
        ],
    )  # fmt: skip
    def test_refuses_everything_else_and_says_which_form_it_wants(self, text):
        with pytest.raises(DayRefused, match="as YYYY-MM-DD, for example 2029-06-30"):
            read_day(text)

    @pytest.mark.parametrize(
        "turned", ["\u200f2029-10-07", "\u2067{}\u2069", "\u202b2029 10 07\u202c", "2029\u061c/10/07"]
    )
    def test_does_not_guess_when_marks_turn_the_order_that_a_reader_sees(self, turned):
        with pytest.raises(DayRefused, match="This can mean 7 October 2029 or 10 July 2029"):
            read_day(turned.format("2029-10-07"))

    @pytest.mark.parametrize(
        "text", ["\u202e2012-11-03", "\u202e30.06.2029", "07\u201110\u20112029", "07.10.2029\u200b"]
    )
    def test_reads_nothing_backwards_and_guesses_nothing_of_what_was_pasted(self, text):
        with pytest.raises(DayRefused):
            read_day(text)

    @pytest.mark.parametrize("month", range(1, 13))
    def test_knows_each_month_by_its_name_and_by_three_letters(self, month):
        day = date(2029, month, 28)

        assert read_day(f"{day:%d %B %Y}") == read_day(f"{day:%b %d, %Y}") == day
