"""Each filter of cases and of actions finds what it says, alone and beside another, and counts it."""

from __future__ import annotations

from datetime import date

import pytest

from ncs.services import contain_nonconformity, void_nonconformity

pytestmark = pytest.mark.django_db


@pytest.fixture
def cases(users, make_supplier, make_nc):
    """Two cases that differ in everything that a filter asks for, and one of another supplier."""
    supplier = make_supplier()
    make_nc()
    first = make_nc(supplier_id=supplier.pk, part_no="4711-B")
    second = make_nc(
        supplier_id=supplier.pk, severity="high", system="safety", category="material", part_no="4711-B",
        owner_id=users["admin"].pk, detected_on=date(2026, 1, 15), due_on=date(2026, 2, 15),
    )  # fmt: skip
    contain_nonconformity(nc_id=second.pk, containment="Blocked", actor=users["quality"])
    return first, second


@pytest.mark.parametrize(
    "query",
    [
        "severity=high", "system=safety", "category=material", "owner_id={admin}", "phase=contained", "overdue=true",
        "detected_since=2026-01-15", "detected_until=2026-01-15", "due_until=2026-02-15", "repeat=true",
        "category=material&status=OPEN", "part_no=4711-B&severity=high", "category=material&after=999999",
    ],
)  # fmt: skip
def test_a_filter_of_cases_finds_what_it_says(api, users, cases, query):
    page = api("auditor").get(f"/ncs?{query.format(admin=users['admin'].pk)}").json()

    assert [row["id"] for row in page["results"]] == [cases[1].pk]
    assert (page["count"], page["count_is_exact"]) == (1, True)


@pytest.mark.parametrize(
    "query",
    [
        "severity=low", "system=environment", "category=other", "owner_id=4711", "phase=ready",
        "detected_since=2026-01-16", "detected_until=2026-01-14", "due_until=2026-02-14", "part_no=4711-b",
    ],
)  # fmt: skip
def test_and_nothing_else(api, cases, query):
    page = api("auditor").get(f"/ncs?{query}").json()

    assert (page["results"], page["count"]) == ([], 0)


def test_closed_ones_are_counted_with_those_that_were_mistakes(api, users, make_nc):
    nc = make_nc()
    void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Wrong gauge")

    for query in ("", "?status=CLOSED", f"?supplier_id={nc.supplier_id}"):
        page = api("auditor").get(f"/ncs{query}").json()
        assert (page["count"], len(page["results"])) == (1, 1), query
    assert api("auditor").get("/kpi").json()["nc_closed"] == 0


@pytest.mark.parametrize("query", ["nc_id={nc}", "supplier_id={supplier}", "owner_id={admin}", "kind=preventive"])
def test_a_filter_of_actions_finds_what_it_says(api, users, make_action, query):
    make_action()
    action = make_action(kind="preventive", owner_id=users["admin"].pk)
    given = {"nc": action.nc_id, "supplier": action.nc.supplier_id, "admin": users["admin"].pk}

    page = api("auditor").get(f"/actions?{query.format(**given)}").json()

    assert [row["id"] for row in page["results"]] == [action.pk]
    assert page["count"] == 1
    assert api("auditor").get("/actions?status=DONE").json()["count"] == 0


def test_a_filter_that_is_no_day_is_refused(api, problem_of):
    for query in ("detected_since=soon", "due_until=2026-02-30", "detected_until=20260131", "phase=done", "repeat=yes"):
        problem_of(api("auditor").get(f"/ncs?{query}"), 400)


def test_every_filter_has_been_tried_here():
    from ncs.api.filters import NonConformityFilter

    tried = set()
    for mark in test_a_filter_of_cases_finds_what_it_says.pytestmark + test_and_nothing_else.pytestmark:
        if mark.name == "parametrize":
            tried |= {pair.split("=")[0] for query in mark.args[1] for pair in query.split("&")}

    assert set(NonConformityFilter.base_filters) - tried <= {"supplier_id", "search"}
