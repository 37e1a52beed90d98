"""Answers are the JSON that the framework's own renderer would write."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer

from qhse.api.rendering import AnswerRenderer
from suppliers.choices import RiskLevel

texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda parts: st.lists(parts) | st.dictionaries(texts, parts),
)


@given(documents)
def test_any_document_is_written_as_by_the_frameworks_own_renderer(document):
    answer = {"is": document}

    assert json.loads(AnswerRenderer().render(answer)) == json.loads(JSONRenderer().render(answer))


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 28, 7, 30, tzinfo=UTC),
        date(2026, 11, 28),
        UUID(int=1),
        Decimal("1.50"),
        gettext_lazy("Supplier"),
        ErrorDetail("Unknown field.", code="unknown_field"),
        RiskLevel.HIGH,
        {1: "a key that is no text"},
        (1, 2),
        2**70,
        "a line\u2028and another",
    ],
)
def test_what_python_has_beside_documents_is_written_the_same(value):
    assert json.loads(AnswerRenderer().render({"is": value})) == json.loads(JSONRenderer().render({"is": value}))


def test_nothing_is_an_empty_body():
    assert AnswerRenderer().render(None) == b""


def test_half_a_character_is_refused_as_before():
    with pytest.raises(UnicodeEncodeError):
        AnswerRenderer().render({"is": "\ud800"})
