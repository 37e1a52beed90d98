"""Which names are names, and which are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suppliers.names import (
    MAX_KEY_LENGTH,
    MAX_LENGTH,
    NameRefused,
    name_key,
    normalise_name,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hansa Forge", "HANSA FORGE"),
        ("Hansa Forge", "  hansa   forge "),
        ("Müller", "Mu\u0308ller"),
        ("Straße AG", "STRASSE AG"),
        ("ﬁrst Springs", "First Springs"),
        ("Ⅳ Castings", "IV Castings"),
        ("Ａｌｐｉｎｅ", "alpine"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
    ],
)
def test_two_spellings_of_one_name_have_one_key(one, other):
    assert name_key(normalise_name(one)) == name_key(normalise_name(other))


def test_lookalikes_of_another_alphabet_are_another_name():
    assert name_key("Hansa") != name_key("Наnsa")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\n",
        "a\u200bb",
        "a\u202eb",
        "a\x00b",
        "\ufeffa",
        "x" * (MAX_LENGTH + 1),
        "a\ue000b",
        "\x1b[31mred",
        "a\nb",
        "a\x1cb",
        "a\u2028b",
        "\u3164",
        "\u2800",
        "a\u034f",
        "a\ufe0f",
        "a\U000e0100",
        "\u1160",
        "\u17b4",
        "\ufdfa" * 45,
    ],
)
def test_a_text_that_cannot_be_a_name_is_refused(text):
    with pytest.raises(NameRefused):
        normalise_name(text)


@given(st.text(max_size=300))
def test_a_normalised_name_is_normal_and_its_key_is_stable(text):
    try:
        name = normalise_name(text)
    except NameRefused:
        return

    assert normalise_name(name) == name
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(name), "a name without a key would collide with every other such name"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\u00a0 \u3000", "The name is empty."),
        ("Hansa\u202eForge", "The name contains the invisible character U+202E."),
        ("Hansa\U000e0100", "The name contains the invisible character U+E0100."),
        ("x" * (MAX_LENGTH + 1), "The name has 201 characters; at most 200 are allowed."),
        ("\ufdfa" * 45, "The name has too many characters that stand for whole words."),
    ],
    ids=["empty", "bidi override", "variation selector", "too long", "key too long"],
)
def test_a_refusal_says_what_is_wrong_and_names_the_character_that_nobody_sees(text, says):
    with pytest.raises(NameRefused) as refusal:
        normalise_name(text)

    assert str(refusal.value) == says


def test_the_length_is_counted_after_white_space_and_decomposed_letters_have_shrunk():
    name = normalise_name(" " * 50 + "e\u0301" * MAX_LENGTH + " " * 50)

    assert name == "é" * MAX_LENGTH


def test_a_key_fits_its_column_however_much_longer_than_its_name_it_is():
    assert MAX_LENGTH < len(name_key(normalise_name("\ufdfa" * 44))) <= MAX_KEY_LENGTH
