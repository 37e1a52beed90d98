"""A query that was written once answers as the ORM does, on both databases."""

from __future__ import annotations

from datetime import date

import pytest
from django.forms import model_to_dict

from qhse.accounts.models import User
from qhse.queries import Given, WrittenList, WrittenQuery, record_of
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

COLUMNS = ["id", "name", "certification_expiry", "risk_reasons", "created_at"]
by_expiry = WrittenQuery(
    lambda: (
        Supplier.objects.filter(certification_expiry=Given("expiry", Supplier._meta.get_field("certification_expiry")))
        .order_by("id")
        .values_list(*COLUMNS)
    )
)


@pytest.fixture
def suppliers():
    return [
        Supplier.objects.create(
            name=name, name_key=name.lower(), certification_expiry=date(2030, 1, day), risk_reasons=[{"points": 50}]
        )
        for name, day in (("Hansa", 1), ("Nordmetall", 2), ("Alpenguss", 1))
    ]


def test_it_returns_what_the_orm_returns_at_each_run(suppliers):
    for day in (1, 2, 3, 1):
        expiry = date(2030, 1, day)
        expected = Supplier.objects.filter(certification_expiry=expiry).order_by("id").values_list(*COLUMNS)

        assert by_expiry.rows(expiry=expiry) == list(expected)


def test_the_first_row_or_none(suppliers):
    assert by_expiry.first(expiry=date(2030, 1, 2))[1] == "Nordmetall"
    assert by_expiry.first(expiry=date(2031, 1, 2)) is None


def test_a_value_that_is_not_given_is_an_error(suppliers):
    with pytest.raises(KeyError):
        by_expiry.rows()


def test_the_orm_writes_it_once(suppliers, django_assert_num_queries):
    built = []

    def build():
        built.append(1)
        return Supplier.objects.values_list("id")

    query = WrittenQuery(build)
    with django_assert_num_queries(2):
        assert query.rows() == query.rows()
    assert built == [1]


def test_a_record_made_of_a_row_is_one_that_was_read(users, django_assert_num_queries):
    user = users["auditor"]
    made = record_of(User, ["role", "id", "username"], (user.role, user.pk, user.username))

    with django_assert_num_queries(0):
        assert (made, made.username, made.role, made._state.adding) == (user, "auditor", "auditor", False)
    with django_assert_num_queries(1):
        assert made.email == user.email


SUPPLIERS = WrittenList(Supplier, ("-name_key",), columns=["nc_open"])


def test_a_list_gives_the_records_and_the_number_that_the_orm_gives(suppliers):
    expected = Supplier.objects.filter(nc_open=0).order_by("-name_key")

    assert SUPPLIERS.count(nc_open=0) == 3
    assert SUPPLIERS.page(2, 1, nc_open=0) == list(expected[1:3])
    assert model_to_dict(SUPPLIERS.first(nc_open=0)) == model_to_dict(expected[0])
    assert SUPPLIERS.first(nc_open=0).get_deferred_fields() == set()
    assert (SUPPLIERS.count(nc_open=1), SUPPLIERS.page(2, 0, nc_open=1)) == (0, [])


def test_a_number_that_no_column_holds_is_that_of_no_row(suppliers):
    assert WrittenList(Supplier, columns=["id"]).first(id=10**40) is None
