"""An NC is found by its number in every form in which people write and copy it."""

from __future__ import annotations

import pytest

from ncs.numbers import numbers_in


class TestNumbersIn:
    @pytest.mark.parametrize(
        "text",
        [
            "NC-2026-00012", "nc-2026-00012", "NC-2026-12", "NC-12", "nc-12", "NC 12", "nc12", "NC#12",
            "NC-00012", "#12", "# 12", "NC 2026 00012", "NC_2026_00012", "NC/2026/12", "NC: 12", "NC No. 12",
            "NC Nr. 12", "(NC-2026-00012)", "“NC-2026-00012”,", "NC-2026-00012.", " NC-2026-00012\n",
            "NC\u20112026\u201100012", "NC\u20132026\u201300012", "NC\u22122026\u221200012",
            "NC\u00a02026\u00a000012", "NC\u202f12", "NC-\u200b2026-00012", "ＮＣ－２０２６－０００１２",
            "NC\u00ad-2026-00012", "\ufeffNC-12", "NC – 12", "nc\u200912",
        ],
    )  # fmt: skip
    def test_is_certain_of_what_can_be_nothing_else(self, text):
        assert numbers_in(text) == ([12], True)

    @pytest.mark.parametrize("text", ["12", "00012", "2026-00012", "2026\u201300012", "2026 12", "No. 12"])
    def test_finds_what_may_also_stand_in_a_text(self, text):
        assert numbers_in(text) == ([12], False)

    @pytest.mark.parametrize(
        "text",
        [
            "NC-2026-00012, NC-2026-00013", "NC-2026-00012 and NC-2026-00013", "NC-2026-12; nc 2026 13",
            "NC-2026-12\nNC-2026-13",
        ],
    )  # fmt: skip
    def test_finds_each_of_a_list_that_was_copied(self, text):
        assert numbers_in(text) == ([12, 13], True)

    @pytest.mark.parametrize("text", ["AW: NC-2026-00012 bore too wide", "see NC\u20112026\u201100012 (Hansa)"])
    def test_finds_a_full_number_among_other_words(self, text):
        assert numbers_in(text) == ([12], False)

    @pytest.mark.parametrize(
        "text",
        [
            "", " ", "NC", "NC-", "NC-2026-", "NC-26-1", "nchansa", "sync 12", "12 bolts", "9" * 19,
            "NC-2026-٤٢", "-" * 9999,
        ],
    )  # fmt: skip
    def test_finds_none_where_none_is(self, text):
        assert numbers_in(text) == ([], False)
