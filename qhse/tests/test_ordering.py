"""Names stand in lists as in a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhse.ordering import MAX_ORDER_LENGTH, dictionary_order


class TestDictionaryOrder:
    def test_puts_a_letter_with_its_marks_beside_the_letter_without(self):
        names = [
            "Zürich Guss",
            "Ätna Pumpen",
            "Zinn AG",
            "Atlas",
            "ätzkraft",
            "Øresund",
            "Oslo Stål",
            "Ob GmbH",
            "Łódź",
        ]
        names += ["Lyon"]

        assert sorted(names, key=dictionary_order) == [
            "Atlas", "Ätna Pumpen", "ätzkraft", "Łódź", "Lyon", "Ob GmbH", "Øresund", "Oslo Stål", "Zinn AG",
            "Zürich Guss",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "order"),
        [
            ("Weiß Technik", "weiss technik"), ("WEISS  Technik", "weiss technik"), ("Æbeltoft", "aebeltoft"),
            ("Müller\u2011Guss", "muller-guss"), ("Ça va", "ca va"), ("Ångström", "angstrom"), ("ﬁne", "fine"),
            ("Διεύθυνση", "διευθυνση"), ("Þór", "thor"),
        ],
    )  # fmt: skip
    def test_is_made_of_base_letters(self, name, order):
        assert dictionary_order(name) == order

    @given(st.text())
    def test_fits_its_column_and_is_text(self, name):
        order = dictionary_order(name)

        assert len(order) <= MAX_ORDER_LENGTH
        assert dictionary_order(name) == order
