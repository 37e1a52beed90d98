"""The JSON parser accepts JSON, refuses the rest, and does either quickly."""

from __future__ import annotations

import io
import json
import time

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from qhse.api.requests.parsers import MAX_DEPTH, PayloadTooLarge, StrictJSONParser

MEGABYTE = 1_000_000
TEXT = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]))


def parse(body: bytes):
    return StrictJSONParser().parse(io.BytesIO(body))


class TestWhatIsAccepted:
    @pytest.mark.parametrize(
        ("body", "document"),
        [
            (b"{}", {}),
            (b' \n\t{ "a" : 1 } \r\n', {"a": 1}),
            ('{"ä": "Ø 12 ± 0.02 µm 🏭"}'.encode(), {"ä": "Ø 12 ± 0.02 µm 🏭"}),
            (rb'{"a": "\ud83c\udfed \u00e4 \/ \\ \""}', {"a": '🏭 ä / \\ "'}),
            (b"[1, -0, 1.5, 1e3, true, false, null]", [1, 0, 1.5, 1000.0, True, False, None]),
            (b"9" * 64, int("9" * 64)),
            (b'""', ""),
        ],
    )
    def test_json_is_read_as_it_stands(self, body, document):
        assert parse(body) == document

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**60), 10**60)
            | st.floats(allow_nan=False, allow_infinity=False)
            | TEXT,
            lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
            max_leaves=20,
        )
    )  # fmt: skip
    def test_whatever_json_can_say_comes_back_unchanged(self, document):
        assert parse(json.dumps(document).encode()) == document
        assert parse(json.dumps(document, ensure_ascii=False).encode()) == document


class TestNesting:
    @pytest.mark.parametrize("open_, close", [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
    @pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000, 100_000])
    @pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
    def test_deeper_than_the_bound_is_refused(self, open_, close, depth, closed):
        body = open_ * depth + b"1" + close * depth * closed

        with pytest.raises(ParseError, match="deeper than 32"):
            parse(body)

    def test_the_bound_itself_is_accepted(self):
        assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)

    def test_more_than_ten_thousand_arrays_are_refused_before_they_are_built(self):
        assert len(parse(b"[" + b"[]," * 9_998 + b"1]")) == 9_999

        with pytest.raises(ParseError, match="more than 10,000 arrays"):
            parse(b"[" + b"[]," * 10_000 + b"1]")

    @pytest.mark.parametrize(
        "text",
        ["[" * 100_000, "{" * 100_000, '\\"' + "[" * 1000, "\\\\", '\\\\\\"[[', "]" * 50 + "[" * 50, '","b":"['],
    )
    def test_brackets_inside_strings_are_text(self, text):
        document = {"description": text, text: "x"}

        assert parse(json.dumps(document).encode()) == document

    def test_closing_brackets_do_not_buy_depth(self):
        with pytest.raises(ParseError):
            parse(b"]" * 1000 + b"[" * 1000)

    @given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b'"a":', b",", b"1", b" "]), max_size=80))
    def test_no_soup_of_tokens_raises_anything_but_a_refusal(self, tokens):
        body = b"".join(tokens)

        try:
            document = parse(body)
        except ParseError:
            return

        assert document == json.loads(body)


class TestSize:
    def test_the_bound_itself_is_read(self):
        filler = settings.DATA_UPLOAD_MAX_MEMORY_SIZE - 2

        assert len(parse(b'"' + b"x" * filler + b'"')) == filler

    @pytest.mark.parametrize("size", [settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1, 3 * MEGABYTE, 20 * MEGABYTE])
    def test_one_byte_more_is_413(self, size):
        with pytest.raises(PayloadTooLarge):
            parse(b" " * size)

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * MEGABYTE,
            b"{" * MEGABYTE,
            b"[]," * (MEGABYTE // 3),
            b"[" + b"[]," * (MEGABYTE // 3) + b"1",
            b'"' * MEGABYTE,
            b'""' * (MEGABYTE // 2),
            b"\\" * MEGABYTE,
            b'"' + b"\\" * MEGABYTE,
            b'"' + b'\\"' * (MEGABYTE // 2),
            b'"' + b"\\u0000" * (MEGABYTE // 6) + b'"',
            b'"' + b"\\ud800" * (MEGABYTE // 6) + b'"',
            b"9" * MEGABYTE,
            b"1e" + b"9" * MEGABYTE,
            b"[" + b",".join([b"9" * 4300] * 230) + b"]",
            b"-" * MEGABYTE,
            b" " * MEGABYTE,
            b"\xff" * MEGABYTE,
            b'{"a":1,' * (MEGABYTE // 7),
            b"{" + b",".join(b'"%d":1' % (number % 2) for number in range(160_000)) + b"}",
        ],
        ids=lambda body: f"{body[:12]!r}…",
    )
    def test_a_hostile_megabyte_costs_no_more_than_a_few_harmless_ones(self, body):
        # Processor time, and a ratio: neither a busy machine nor a slow one must decide.
        started = time.process_time()
        parse(b"{" + b",".join(b'"%d":"b"' % number for number in range(80_000)) + b"}")
        harmless = time.process_time() - started

        started = time.process_time()
        with pytest.raises(ParseError):
            parse(body)

        assert time.process_time() - started < 8 * harmless
