"""What a query and a body may contain is closed."""

from __future__ import annotations

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from qhse.api.fields import TextField
from qhse.api.viewsets import MAX_UNKNOWN_LISTED, StrictSerializer


class GaugeSerializer(StrictSerializer):
    number = TextField(max_length=10)
    made_by = serializers.CharField(read_only=True)


class TestStrictSerializer:
    def refusals(self, body):
        serializer = GaugeSerializer(data=body)
        with pytest.raises(ValidationError):
            serializer.is_valid(raise_exception=True)
        return serializer.errors

    def test_takes_what_it_knows(self):
        serializer = GaugeSerializer(data={"number": "4711"})

        assert serializer.is_valid()
        assert serializer.validated_data == {"number": "4711"}

    def test_refuses_unknown_fields_and_says_which_are_known(self):
        errors = self.refusals({"number": "4711", "admin": True})

        assert errors == {"admin": ["Unknown field. Known: number."]}
        assert errors["admin"][0].code == "unknown_field"

    def test_tells_what_else_is_wrong_at_the_same_time(self):
        assert set(self.refusals({"number": 4711, "made_by": "Hansa", "admin": True})) == {"number", "admin"}

    def test_lists_some_of_very_many_and_cuts_their_names(self):
        errors = self.refusals({"number": "4711"} | {f"{n:04}" + "x" * 1_000: 1 for n in range(1_000)})

        assert len(errors) == MAX_UNKNOWN_LISTED
        assert max(len(name) for name in errors) == 64


@pytest.mark.django_db
class TestStrictQuery:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("colour=red", "unknown_parameter"),
            ("limit=1&limit=1", "repeated_parameter"),
            ("limit=", "empty_parameter"),
            ("search=%ff", "invalid_encoding"),
        ],
    )
    def test_refuses_what_nobody_declared(self, api, problem_of, query, code):
        problem = problem_of(api("quality").get(f"/suppliers?{query}"), 400)

        assert [error["code"] for error in problem["errors"]] == [code]

    def test_takes_what_is_empty_where_that_means_something(self, api):
        assert api("quality").get("/suppliers?search=").status_code == 200
