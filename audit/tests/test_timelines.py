"""`/suppliers/{id}/timeline` and `/ncs/{id}/timeline`: what happened to one record, for those who audit."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def nc(api, make_supplier, drain):
    """An NC that quality opened against a supplier and closed, after which the supplier's risk changed twice."""
    supplier = make_supplier()
    quality = api("quality")
    body = {"supplier_id": supplier.pk, "severity": "high", "description": "Wrong alloy"}
    nc = quality.post("/ncs", body).json()
    drain()
    quality.patch(f"/ncs/{nc['id']}/close", {"reason": "Lot returned"})
    drain()
    return nc


def test_an_nc_was_opened_and_closed(api, nc):
    page = api("auditor").get(f"/ncs/{nc['id']}/timeline").json()

    assert page["count"] == 2
    assert [(entry["action"], entry["actor"]) for entry in page["results"]] == [
        ("NC_CLOSED", "quality"), ("NC_CREATED", "quality"),
    ]  # fmt: skip
    assert page["results"][0]["changes"]["status"] == ["OPEN", "CLOSED"]
    assert page["results"][0]["reason"] == "Lot returned"


def test_a_supplier_has_its_own_entries_and_not_those_of_its_ncs(api, nc, make_nc):
    make_nc(severity="high")

    page = api("admin").get(f"/suppliers/{nc['supplier_id']}/timeline").json()

    assert {(entry["entity_type"], entry["entity_id"]) for entry in page["results"]} == {
        ("supplier", str(nc["supplier_id"]))
    }
    assert page["results"][-1]["action"] == "SUPPLIER_CREATED"
    assert len(page["results"]) > 1


def test_a_timeline_is_paged(api, nc):
    client = api("auditor")

    first = client.get(f"/ncs/{nc['id']}/timeline?limit=1").json()
    second = client.get(first["next"]).json()

    assert [page["results"][0]["action"] for page in (first, second)] == ["NC_CLOSED", "NC_CREATED"]
    assert (second["next"], second["count"]) == (None, 2)


@pytest.mark.parametrize(
    "path", ["/suppliers/999999/timeline", "/ncs/999999/timeline", "/ncs/99999999999999999999/timeline"]
)
def test_a_record_that_does_not_exist_has_none(api, problem_of, path):
    assert problem_of(api("auditor").get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "limit=101", "action=NC_CLOSED", "limit=1&limit=2"]
)
def test_a_query_that_nobody_declared_is_refused(api, problem_of, nc, query):
    problem_of(api("auditor").get(f"/ncs/{nc['id']}/timeline?{query}"), 400)
