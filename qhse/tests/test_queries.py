"""A query that was written once answers as the ORM does, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, IntegerField, Value
from django.db.models.functions import Cast
from django.forms import model_to_dict

from audit.models import AuditEntry
from qhse.accounts.models import User
from qhse.queries import Given, WrittenInsert, WrittenList, WrittenQuery, WrittenUpdate, record_of
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


class TestWrittenInsert:
    inserted = WrittenInsert(Supplier)

    def test_stores_what_the_orm_stores_and_says_what_the_database_gave(self, django_assert_num_queries):
        mine, its = (Supplier(name="Ägir", name_key=key, certification_expiry=date(2030, 1, 1)) for key in "ab")

        with django_assert_num_queries(1):
            self.inserted.insert(mine)
        its.save(force_insert=True)

        assert (mine._state.adding, mine._state.db) == (False, "default")
        same = {"id", "name_key", "created_at", "updated_at"}
        stored = [{k: v for k, v in vars(Supplier.objects.get(pk=each.pk)).items() if k not in same | {"_state"}}
                  for each in (mine, its)]  # fmt: skip
        assert stored[0] == stored[1]
        assert mine.created_at == Supplier.objects.get(pk=mine.pk).created_at

    def test_may_have_what_the_database_would_give(self):
        entry = AuditEntry(id=4711, created_at=datetime(2026, 1, 1, tzinfo=UTC), action="X", changes={"a": [None, "ü"]})
        WrittenInsert(AuditEntry).insert(entry)

        stored = AuditEntry.objects.get(pk=4711)
        assert (stored.created_at, stored.changes) == (entry.created_at, entry.changes)

    def test_breaks_no_rule_of_the_table(self):
        with pytest.raises(IntegrityError), transaction.atomic():
            self.inserted.insert(Supplier(name="", name_key=""))


class TestWrittenUpdate:
    raised = WrittenUpdate(
        lambda: Supplier.objects.filter(pk=Given("id", Supplier._meta.get_field("id"))),
        nc_total=F("nc_total") + Given("by", Supplier._meta.get_field("nc_total")),
        certification_expiry=Given("expiry", Supplier._meta.get_field("certification_expiry")),
    )

    def test_changes_the_rows_it_is_given_and_no_other(self, suppliers, django_assert_num_queries):
        first, *others = suppliers

        with django_assert_num_queries(2):
            assert self.raised.run(id=first.pk, by=2, expiry=None) == 1
            assert self.raised.run(id=first.pk, by=5, expiry=date(2031, 2, 3)) == 1

        stored = Supplier.objects.get(pk=first.pk)
        assert (stored.nc_total, stored.certification_expiry) == (7, date(2031, 2, 3))
        assert all(Supplier.objects.get(pk=other.pk).nc_total == 0 for other in others)

    @pytest.mark.parametrize("key", [0, 10**18, 10**30, -1])
    def test_says_that_there_was_no_such_row(self, suppliers, key):
        assert self.raised.run(id=key, by=1, expiry=None) == 0


def test_a_count_stops_at_a_bound(suppliers):
    everything = WrittenList(Supplier)

    assert [everything.count(), everything.count(3), everything.count(2)] == [3, 3, 2]


def test_each_record_says_how_many_the_list_has(suppliers, django_assert_num_queries):
    counting = WrittenList(Supplier, columns=["nc_open"], at_most=2)
    behind = WrittenList(Supplier, behind="gt", at_most=9)

    with django_assert_num_queries(2):
        assert [each.listed for each in counting.page(3, 0, nc_open=0)] == [2, 2, 2]
        assert [each.listed for each in behind.page(3, 0, after=suppliers[1].pk)] == [3]


def test_an_expression_may_say_how_many_it_has(suppliers):
    said = WrittenList(Supplier, number=Cast(Value("4711"), IntegerField()))

    assert said.first().listed == 4711


@pytest.mark.parametrize(("order", "behind", "names"), [("id", "gt", ["Alpenguss"]), ("-id", "lt", ["Hansa"])])
def test_a_list_goes_on_behind_a_key(suppliers, order, behind, names):
    behind_it = WrittenList(Supplier, order=(order,), behind=behind)

    assert [each.name for each in behind_it.page(10, 0, after=suppliers[1].pk)] == names
