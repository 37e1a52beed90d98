"""`/kpi/quality`: who may ask, what may be asked, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpi.movements.summing import sum_days
from qhse import clock

pytestmark = pytest.mark.django_db
STATEMENTS = 12


@pytest.mark.parametrize(("role", "status"), [("quality", 200), ("auditor", 200), ("admin", 200), ("procurement", 403)])
def test_is_open_to_those_who_may_read_the_key_figures(api, role, status):
    assert api(role).get("/kpi/quality").status_code == status


def test_without_a_period_it_is_of_twelve_months_until_now(api):
    body = api("quality").get("/kpi/quality").json()

    today = clock.today()
    assert (body["as_of"], body["to"]) == (today.isoformat(), today.isoformat())
    assert (
        body["from"]
        == today.replace(day=1, year=today.year - (today.month < 12), month=today.month % 12 + 1).isoformat()
    )
    assert len(body["by_month"]) == 13


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-05-02&to=2026-05-01", "from"),
        ("as_of=2999-01-01", "as_of"),
        ("as_of=1970-01-01", "as_of"),
        ("as_of=2026-05-01&to=2026-05-02", "to"),
        ("from=yesterday", "from"),
        ("from=0001", "from"),
        ("from=0001-01-01", "from"),
        ("to=0001-01-01", "to"),
        ("to=9999-12-31", "to"),
        ("as_of=0001-01-01", "as_of"),
        ("supplier_id=1e3", "supplier_id"),
        ("supplier_id=999999", "supplier_id"),
        ("until=2026-01-01", "until"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_named(api, problem_of, query, field):
    problem = problem_of(api("quality").get(f"/kpi/quality?{query}"), 400)

    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("query", ["from=0001-01-01", "to=1979-12-31", "to=2200-01-01", "as_of=9999-12-31"])
def test_a_day_that_cannot_be_meant_is_refused_with_the_days_that_can(api, problem_of, query):
    problem = problem_of(api("quality").get(f"/kpi/quality?{query}"), 400)

    assert "is not plausible; it must be from 1980-01-01 to 2199-12-31." in problem["errors"][0]["detail"]


def test_a_period_of_one_day_is_one(api, make_nc):
    make_nc()
    today = clock.today().isoformat()

    body = api("quality").get(f"/kpi/quality?from={today}&to={today}").json()

    assert body["repeats"]["n"] == 1
    assert api("quality").get("/kpi/quality?from=1999-01-01&to=2000-01-01").json()["repeats"]["n"] == 0


def test_one_supplier_is_told_without_the_others(api, make_nc):
    nc, _ = make_nc(severity="high"), make_nc(severity="high")

    body = api("quality").get(f"/kpi/quality?supplier_id={nc.supplier_id}").json()

    assert (body["open"]["n"], body["suppliers"]["n"]) == (1, 1)
    assert [row["supplier_id"] for row in body["pareto_supplier"]] == [nc.supplier_id]


@pytest.mark.parametrize("summed", [False, True])
def test_it_costs_so_many_statements_and_no_more_with_more_cases(api, make_nc, move_clock, summed):
    if summed:
        move_clock(clock.present() - timedelta(days=40))
        make_nc()
        move_clock(clock.present() + timedelta(days=40))
        sum_days()
    client = api("quality")
    for number in (1, 12):
        for _ in range(number):
            make_nc()
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/kpi/quality").status_code == 200
        assert len(asked) <= STATEMENTS + 4 * summed, "\n".join(query["sql"][:90] for query in asked)
