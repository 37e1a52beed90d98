"""The list of countries is ISO 3166-1, as far as that can be told without it."""

from __future__ import annotations

import re

from suppliers.countries import COUNTRIES


def test_there_are_249_codes_in_their_order():
    assert len(COUNTRIES) == 249
    assert list(COUNTRIES) == sorted(COUNTRIES)
    assert all(re.fullmatch("[A-Z]{2}", code) for code in COUNTRIES)


def test_each_has_a_name_of_its_own():
    assert len(set(COUNTRIES.values())) == 249
    assert all(name == name.strip() and len(name) > 2 for name in COUNTRIES.values())
    assert (COUNTRIES["DE"], COUNTRIES["TR"], COUNTRIES["ZW"]) == ("Germany", "Türkiye", "Zimbabwe")


def test_codes_that_are_reserved_or_gone_are_none():
    assert not {"UK", "EU", "XK", "SU", "YU", "AN", "ZZ"} & set(COUNTRIES)
