"""What the declaration of a payload says. Its types are put into words, and values are held against them."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from outbox.payloads import NotJson, fits, json_type


class TestJsonType:
    @pytest.mark.parametrize(
        ("annotation", "words", "value"),
        [
            (int, "integer", 3),
            (float, "number", 0.5),
            (float, "number", 3),
            (bool, "true or false", True),
            (str | None, "text or null", None),
            (Literal["low", "high"], "`low` or `high`", "low"),
            (Literal[1, None], "1 or null", None),
            (list[str], "list of texts", ["a"]),
            (list[int | None], "list of (integer or null)", [1, None]),
            (list[dict[str, Any]], "list of objects", [{"a": [1]}]),
            (dict[str, int], "object of integers", {"a": 1}),
            (list, "list", [1, "a"]),
            (dict, "object", {"a": None}),
            (Any, "any JSON value", "a"),
        ],
    )
    def test_says_a_type_in_words_and_its_values_fit(self, annotation, words, value):
        assert json_type(annotation) == words
        assert fits(value, annotation)

    @pytest.mark.parametrize(
        ("annotation", "value"),
        [
            (int, True),
            (str, None),
            (list[str], ["a", 1]),
            (list[str], "a"),
            (dict[str, int], {"a": "b"}),
            (Literal["low"], "high"),
            (int | None, "1"),
            (float, "1"),
        ],
    )
    def test_a_value_of_another_type_does_not_fit(self, annotation, value):
        assert not fits(value, annotation)

    def test_a_literal_of_something_else_is_no_json(self):
        with pytest.raises(NotJson):
            json_type(Literal[b"x"])
