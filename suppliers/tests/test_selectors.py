"""The score of a supplier at the end of each month."""

from __future__ import annotations

from datetime import date

import pytest

from suppliers.models import RiskAssessment
from suppliers.selectors import scores_by_month

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)


def concluded(supplier, day, score, version=2):
    RiskAssessment.objects.create(
        supplier=supplier, day=day, score=score, level="low", is_at_risk=False, rule_version=version, confidence="low",
        cause="daily",
    )  # fmt: skip


def test_is_the_last_that_was_concluded_in_the_month_or_before_it(make_supplier):
    supplier = make_supplier()
    for day, score in (((2026, 3, 1), 5), ((2026, 3, 31), 9), ((2026, 6, 30), 7), ((2026, 11, 23), 4)):
        concluded(supplier, date(*day), score)

    told = [(each.month.month, each.score) for each in scores_by_month(supplier.pk, today=TODAY)]

    before = [(12, None), (1, None), (2, None)]
    assert told == [*before, (3, 9), (4, 9), (5, 9), (6, 7), (7, 7), (8, 7), (9, 7), (10, 7), (11, 4)]


def test_of_a_month_with_nothing_in_it_is_what_stood_before_the_first_one(make_supplier):
    supplier = make_supplier()
    concluded(supplier, date(2020, 1, 1), 30, version=1)

    months = scores_by_month(supplier.pk, months=2, today=date(2026, 1, 5))

    assert [(each.month, each.score, each.level, each.rule_version) for each in months] == [
        (date(2025, 12, 1), 30, "low", 1),
        (date(2026, 1, 1), 30, "low", 1),
    ]


def test_is_of_one_supplier_alone(make_supplier):
    one, other = make_supplier(), make_supplier()
    concluded(other, TODAY, 30)

    assert {each.score for each in scores_by_month(one.pk, today=TODAY)} == {None}
