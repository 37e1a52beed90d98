"""NCs are counted by what the services keep on each supplier, and the number is that of a count."""

from __future__ import annotations

from itertools import product

import pytest

from ncs.choices import NcStatus
from ncs.models import NonConformity
from ncs.selectors import kept_count
from ncs.services import close_nonconformity
from qhse.accounts.models import User
from qhse.queries import WrittenQuery
from suppliers.choices import Severity

pytestmark = pytest.mark.django_db


def read(asked):
    kept = kept_count(asked)
    return WrittenQuery(lambda: User.objects.values_list(kept)[:1]).first(**asked)[0]


@pytest.fixture
def two_suppliers(make_nc, make_supplier, users):
    """NCs of each severity, open and closed, of two suppliers."""
    suppliers = [make_supplier().pk, make_supplier().pk]
    for supplier_id, severity, times in product(suppliers, Severity.values, (1, 2)):
        for _ in range(times):
            nc = make_nc(severity=severity, supplier_id=supplier_id)
        close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="sorted")
    return suppliers


@pytest.mark.parametrize(
    ("status", "severity"), [*product([None, *NcStatus.values], [None, *Severity.values])], ids=str
)
def test_every_combination_is_counted_or_left_to_a_count(two_suppliers, status, severity):
    for supplier_id in (None, *two_suppliers):
        chosen = {"status": status, "severity": severity, "supplier_id": supplier_id}
        asked = {name: value for name, value in chosen.items() if value is not None}

        if severity and status != NcStatus.OPEN:
            assert kept_count(asked) is None
        else:
            assert read(asked) == NonConformity.objects.filter(**asked).count()


def test_of_no_suppliers_and_of_an_unknown_one_it_is_null(users):
    assert read({}) is None
    assert read({"supplier_id": 4711}) is None


def test_of_other_columns_no_counts_are_kept():
    assert kept_count({"owner_id": 1}) is None
