"""What is said of a past day is what was said on it, whatever has been corrected since."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from kpi.models import CaseMovement, SummedDay
from kpi.movements.summing import sum_days
from kpi.quality import quality_figures
from kpi.tests.year import Year

BEGIN = datetime(2025, 3, 3, 7, 30, tzinfo=UTC)
DAYS = 366 if connection.vendor == "sqlite" else 120  # there each statement is a round trip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("ahead", [0, 2], ids=["clock right", "clock two days ahead at times"])
def test_every_day_of_a_year_is_answered_later_as_it_was_on_that_day(users, move_clock, ahead):
    chance, errors = random.Random(4711), random.Random(12)
    year, said = Year(users, chance, move_clock), []
    for number in range(DAYS):
        now = BEGIN + timedelta(days=number)
        move_clock(now)
        if chance.random() < 0.7:  # on other days there is no worker
            move_clock(now + timedelta(days=ahead) if errors.random() < 0.1 else now)
            sum_days()
            move_clock(now)
        year.work(now)
        of = chance.choice([None, None, *year.suppliers])
        first = None if chance.random() < 0.5 else now.date() - timedelta(days=chance.randint(0, 200))
        said.append((first, of, now.date(), quality_figures(first=first, supplier_id=of)))

    assert CaseMovement.objects.count() > DAYS
    assert SummedDay.objects.count() > DAYS - 10
    for first, of, day, then in said:
        again = quality_figures(first=first, supplier_id=of, as_of=day)
        assert dataclasses.asdict(again) == dataclasses.asdict(then), day
