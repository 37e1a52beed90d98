"""`/audit-log` shows the trail to those who audit, and lets nobody write it."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.db import transaction

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from audit.services import record
from qhse.accounts.roles import Role
from qhse.accounts.services.users import change_user

pytestmark = pytest.mark.django_db

FIELDS = {
    "id",
    "created_at",
    "actor",
    "actor_role",
    "action",
    "entity_type",
    "entity_id",
    "changes",
    "reason",
    "metadata",
}


@pytest.fixture
def trail(api, make_supplier, drain):
    """Four users created, a supplier by procurement, an NC opened and closed by quality, the worker's conclusion."""
    supplier = make_supplier(name="Hansa Forge")
    quality = api("quality")
    body = {"supplier_id": supplier.pk, "severity": "high", "description": "Wrong alloy"}
    nc = quality.post("/ncs", body, HTTP_X_REQUEST_ID="goods-in-1").json()
    drain()
    quality.patch(f"/ncs/{nc['id']}/close", {"reason": "Lot returned"}, HTTP_X_REQUEST_ID="close-1")
    return {"supplier": supplier, "nc_id": nc["id"]}


def entries(client, **query):
    response = client.get(f"/audit-log?{urlencode(query)}")
    assert response.status_code == 200, response.content
    return response.json()["results"]


class TestList:
    def test_an_entry_says_who_did_what_to_which_record_why_and_from_where(self, api, users, trail):
        (entry,) = entries(api("auditor"), action="NC_CLOSED")

        assert set(entry) == FIELDS
        assert (entry["actor"], entry["actor_role"], entry["reason"]) == ("quality", "quality", "Lot returned")
        assert (entry["entity_type"], entry["entity_id"]) == ("nonconformity", str(trail["nc_id"]))
        assert entry["changes"]["status"] == ["OPEN", "CLOSED"]
        assert entry["metadata"] == {
            "request_id": "close-1",
            "source": "api",
            "actor_id": users["quality"].pk,
            "client_address": "",
        }
        assert datetime.fromisoformat(entry["created_at"]).utcoffset() == timedelta(0)

    def test_what_the_worker_concludes_is_by_the_system_and_names_the_request_that_caused_it(self, api, trail):
        (entry,) = entries(api("auditor"), request_id="goods-in-1", actor="system")

        assert (entry["actor_role"], entry["metadata"]["source"]) == ("system", "worker")
        assert entry["metadata"]["actor_id"] is None

    def test_newest_first(self, api, trail):
        ids = [entry["id"] for entry in entries(api("admin"), limit=100)]

        assert ids == sorted(ids, reverse=True)
        assert len(ids) == AuditEntry.objects.count()

    def test_an_old_name_and_role_stay_after_the_user_changed(self, api, users, trail):
        change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"role": Role.AUDITOR})

        (entry,) = entries(api("auditor"), action="NC_CLOSED")
        assert entry["actor_role"] == "quality"

    @pytest.mark.django_db(transaction=True)
    def test_the_count_is_exact_before_and_after_sealing(self, api, trail):
        client = api("auditor")

        def counted():
            return client.get("/audit-log?limit=1").json()["count"]

        counts = [(counted(), AuditEntry.objects.count())]
        for _ in range(2):
            seal_new_entries()
            counts.append((counted(), AuditEntry.objects.count()))
            with transaction.atomic():
                record(actor=None, action="GAUGE_CALIBRATED", entity_type="gauge", entity_id=1, changes={})
            counts.append((counted(), AuditEntry.objects.count()))

        assert [shown for shown, _ in counts] == [there for _, there in counts]
        assert counts[-1][0] == counts[0][0] + 2


class TestFilters:
    @pytest.mark.parametrize(
        ("name", "value", "count"),
        [
            ("actor", "quality", 2),
            ("actor", "QUALITY", 2),
            ("actor", "qualit", 0),
            ("actor", " ｑuality ", 2),
            ("actor", "quality%", 0),
            ("action", "NC_CREATED", 1),
            ("action", "SUPPLIER_CREATED", 1),
            ("action", "NO_SUCH_ACTION", 0),
            ("entity_type", "nonconformity", 2),
            ("entity_type", "user", 4),
            ("request_id", "close-1", 1),
            ("request_id", "nobody", 0),
            ("since", "2020-01-01", None),
            ("since", "2999-12-31T23:59:59Z", 0),
            ("until", "2020-01-01T00:00:00+14:00", 0),
            ("until", "2999-12-31", None),
        ],
    )
    def test_each_filter_matches_exactly(self, api, trail, name, value, count):
        found = entries(api("auditor"), limit=100, **{name: value})

        assert len(found) == (AuditEntry.objects.count() if count is None else count)

    def test_the_history_of_one_record(self, api, trail):
        found = entries(api("auditor"), entity_type="nonconformity", entity_id=trail["nc_id"])

        assert [entry["action"] for entry in found] == ["NC_CLOSED", "NC_CREATED"]

    def test_since_is_included_and_until_is_not(self, api, trail):
        client = api("auditor")
        (entry,) = entries(client, action="NC_CLOSED")
        moment = entry["created_at"]
        later = (datetime.fromisoformat(moment) + timedelta(microseconds=1)).isoformat()

        assert len(entries(client, action="NC_CLOSED", since=moment)) == 1
        assert len(entries(client, action="NC_CLOSED", since=later)) == 0
        assert len(entries(client, action="NC_CLOSED", until=moment)) == 0
        assert len(entries(client, action="NC_CLOSED", until=later)) == 1

    def test_an_offset_is_honoured(self, api, trail):
        client = api("auditor")
        (entry,) = entries(client, action="NC_CLOSED")
        moment = datetime.fromisoformat(entry["created_at"]) + timedelta(microseconds=1)
        elsewhere = (moment + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat() + "+05:30"

        assert len(entries(client, action="NC_CLOSED", until=elsewhere)) == 1

    @pytest.mark.parametrize("name", ["since", "until"])
    @pytest.mark.parametrize(
        "value",
        [
            "",
            "yesterday",
            "0000-01-01",
            "2026-02-30",
            "2026-13-01",
            "2026-11-23T25:00:00Z",
            "2026-11-23T23:59:60Z",
            "2026-11-23T08:00:00+99:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "10000-01-01",
            "1732348800",
            "NaN",
            "٢٠٢٦-١١-٢٣",
            "2026-11-23T08:00:00 01:00",
            "9" * 5000,
        ],
    )
    def test_what_is_no_moment_is_400(self, api, problem_of, name, value):
        problem = problem_of(api("auditor").get("/audit-log", {name: value}), 400)

        assert [error["field"] for error in problem["errors"]] == [name]

    @pytest.mark.parametrize(
        ("name", "longest"),
        [("actor", 150), ("action", 50), ("entity_type", 50), ("entity_id", 64), ("request_id", 64)],
    )
    def test_a_text_longer_than_its_column_or_empty_is_400(self, api, problem_of, name, longest):
        client = api("auditor")

        assert client.get("/audit-log", {name: "x" * longest}).status_code == 200
        for value in ("x" * (longest + 1), ""):
            problem = problem_of(client.get("/audit-log", {name: value}), 400)
            assert [error["field"] for error in problem["errors"]] == [name]


class TestNobodyWrites:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("role", ["quality", "procurement", "auditor", "admin"])
    def test_every_write_is_405_for_every_role(self, api, problem_of, row_counts, method, role):
        client = api(role)
        before = row_counts()

        response = client.generic(method, "/audit-log", b'{"action": "NC_CLOSED"}', content_type="application/json")

        assert problem_of(response, 405)["code"] == "method_not_allowed"
        assert row_counts() == before

    def test_there_is_no_route_to_one_entry(self, api, trail, problem_of):
        newest = AuditEntry.objects.latest("id")

        for method in ("GET", "PATCH", "DELETE"):
            problem_of(api("admin").generic(method, f"/audit-log/{newest.pk}"), 404)
