"""List filters that several pages use."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.test import RequestFactory

from qhse.accounts.models import User
from qhse.adminsite.filters import indexed_values

REQUEST = RequestFactory().get("/admin/accounts/user/")
ByName = indexed_values("username", "name")


def filter_by(**values: str):
    page = admin.site.get_model_admin(User)
    return ByName(REQUEST, {name: [value] for name, value in values.items()}, User, page)


class TestIndexedValues:
    def test_are_those_that_stand_in_the_column_in_order_by_one_statement(self, users, django_assert_num_queries):
        with django_assert_num_queries(1):
            choices = filter_by().lookup_choices

        assert [value for value, _ in choices] == sorted(users)

    def test_filter_by_the_chosen_one(self, users):
        chosen = filter_by(username="quality").queryset(REQUEST, User.objects.all())

        assert [user.username for user in chosen] == ["quality"]
        assert filter_by().queryset(REQUEST, User.objects.all()).count() == len(users)


class TestChoiceFilter:
    @pytest.mark.parametrize("value", ["nobody", "", "QUALITY", "quality "])
    def test_refuses_what_it_does_not_offer(self, users, value):
        with pytest.raises(IncorrectLookupParameters):
            filter_by(username=value)
