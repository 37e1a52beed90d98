"""`/ncs` does what the contract says, and says what it did."""

from __future__ import annotations

from datetime import datetime

import pytest

from audit.models import AuditEntry
from ncs.events import NonConformityClosed, NonConformityOpened
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from outbox.testing import assert_published, assert_publishes_nothing
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

FIELDS = {
    "id",
    "number",
    "supplier_id",
    "severity",
    "status",
    "description",
    "created_at",
    "closed_at",
    "closure_reason",
    "system",
    "category",
    "part_no",
    "lot_no",
    "owner_id",
    "due_on",
    "overdue",
    "phase",
    "repeat_of",
}
WHOLE = FIELDS | {
    "detected_on",
    "detected_at",
    "po_ref",
    "qty_received",
    "qty_defective",
    "containment",
    "contained_at",
    "cause_code",
    "root_cause",
    "analysed_at",
    "disposition",
    "disposition_qty",
    "disposition_reason",
    "disposed_at",
    "concession_by",
    "customer_informed_on",
    "cost",
    "actions_open",
    "actions_to_verify",
    "actions_effective",
    "missing",
    "closure_code",
    "reopened_count",
}
BORE = "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm, 40 of 200 parts"


class TestCreate:
    def test_answers_an_open_nc(self, api, make_supplier):
        supplier = make_supplier()

        response = api("quality").post(
            "/ncs", {"supplier_id": supplier.pk, "severity": "high", "description": f"  {BORE}\n"}
        )

        assert response.status_code == 201
        body = response.json()
        assert set(body) == WHOLE | {"similar"}
        assert (body["supplier_id"], body["severity"], body["status"]) == (supplier.pk, "high", "OPEN")
        assert (body["description"], body["closed_at"], body["closure_reason"]) == (BORE, None, "")
        assert body["number"] == f"NC-{datetime.fromisoformat(body['created_at']).year}-{body['id']:05d}"
        assert NonConformity.objects.get().reported_by.username == "quality"

    def test_leaves_one_audit_entry_and_one_event_with_the_request_id_of_the_answer(self, api, users, make_supplier):
        supplier = make_supplier()

        response = api("quality").post(
            "/ncs",
            {"supplier_id": supplier.pk, "severity": "medium", "description": BORE},
            HTTP_X_REQUEST_ID="goods-in.2026_11-23",
        )

        assert response["X-Request-ID"] == "goods-in.2026_11-23"
        entry = AuditEntry.objects.get(action="NC_CREATED")
        assert (entry.entity_type, entry.entity_id) == ("nonconformity", str(response.json()["id"]))
        assert (entry.actor, entry.actor_id, entry.actor_role) == ("quality", users["quality"].pk, "quality")
        assert (entry.source, entry.request_id) == ("api", "goods-in.2026_11-23")
        assert entry.changes == {
            "supplier_id": [None, supplier.pk],
            "severity": [None, "medium"],
            "status": [None, "OPEN"],
            "description": [None, BORE],
            "due_on": [None, response.json()["due_on"]],
        }
        event = assert_published(NonConformityOpened)
        assert (event.event_type, event.schema_version) == ("NC_CREATED", 1)
        body = response.json()
        assert event.payload == {
            "nc_id": body["id"],
            "supplier_id": supplier.pk,
            "severity": "medium",
            "number": body["number"],
            "system": "quality",
            "category": "",
            "part_no": "",
            "due_on": body["due_on"],
            "repeat_of": None,
        }
        assert event.headers == {"request_id": "goods-in.2026_11-23", "actor": "quality"}

    @pytest.mark.parametrize("unknown", [999_999, 10**18 - 1])
    def test_an_unknown_supplier_is_400_and_leaves_nothing_behind(self, api, row_counts, problem_of, unknown):
        client = api("quality")
        before = row_counts()

        problem = problem_of(client.post("/ncs", {"supplier_id": unknown, "severity": "low", "description": BORE}), 400)

        assert problem["code"] == "unknown_supplier"
        assert [error["field"] for error in problem["errors"]] == ["supplier_id"]
        assert row_counts() == before

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("supplier_id", 0),
            ("supplier_id", -1),
            ("supplier_id", 10**18),
            ("severity", "critical"),
            ("severity", "HIGH"),
            ("severity", ""),
            ("severity", " high"),
            ("description", ""),
            ("description", " \n\t "),
            ("description", "x" * 5001),
        ],
    )
    def test_a_value_out_of_bounds_is_refused_by_field(self, api, make_supplier, problem_of, field, value):
        body = {"supplier_id": make_supplier().pk, "severity": "low", "description": BORE} | {field: value}

        problem = problem_of(api("quality").post("/ncs", body), 400)

        assert [error["field"] for error in problem["errors"]] == [field]

    def test_a_description_may_have_5000_characters_and_lines(self, api, make_supplier):
        description = "Ø 12.08 mm\n" + "µ" * 4989

        response = api("quality").post(
            "/ncs", {"supplier_id": make_supplier().pk, "severity": "low", "description": description}
        )

        assert response.json()["description"] == description

    @pytest.mark.parametrize(
        "forbidden",
        ["id", "number", "status", "created_at", "closed_at", "closed_by", "reported_by", "closure_reason", "supplier",
         "actor", "user_id", "role"],
    )  # fmt: skip
    def test_what_a_client_may_not_set_is_refused_and_not_ignored(
        self, api, make_supplier, row_counts, problem_of, forbidden
    ):
        body = {"supplier_id": make_supplier().pk, "severity": "low", "description": BORE, forbidden: "CLOSED"}
        client = api("admin")
        before = row_counts()

        problem = problem_of(client.post("/ncs", body), 400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [(forbidden, "unknown_field")]
        assert row_counts() == before

    def test_the_actor_is_who_holds_the_token_whatever_headers_say(self, api, make_supplier):
        api("quality").post(
            "/ncs",
            {"supplier_id": make_supplier().pk, "severity": "low", "description": BORE},
            HTTP_X_USER="admin",
            HTTP_X_ACTOR="admin",
            HTTP_REMOTE_USER="admin",
            HTTP_X_FORWARDED_USER="admin",
        )

        assert AuditEntry.objects.get(action="NC_CREATED").actor == "quality"


class TestRetrieve:
    def test_shows_one_nc(self, api, make_nc):
        nc = make_nc(severity="high")

        response = api("procurement").get(f"/ncs/{nc.pk}")

        assert set(response.json()) == WHOLE
        assert (response.json()["id"], response.json()["severity"]) == (nc.pk, "high")

    @pytest.mark.parametrize("unknown", ["0", "999999", "9223372036854775808", "9" * 40])
    def test_an_unknown_one_is_404(self, api, problem_of, unknown):
        assert problem_of(api("auditor").get(f"/ncs/{unknown}"), 404)["code"] == "nonconformity_not_found"


class TestClose:
    def test_closes_with_its_reason_and_leaves_audit_entry_and_event(self, api, make_nc):
        nc = make_nc(severity="high")

        response = api("quality").patch(f"/ncs/{nc.pk}/close", {"reason": " Lot sorted, 8D report accepted "})

        assert response.status_code == 200
        body = response.json()
        assert set(body) == WHOLE
        assert (body["status"], body["closure_reason"]) == ("CLOSED", "Lot sorted, 8D report accepted")
        assert datetime.fromisoformat(body["closed_at"]) >= datetime.fromisoformat(body["created_at"])
        entry = AuditEntry.objects.get(action="NC_CLOSED")
        assert entry.changes == {
            "status": ["OPEN", "CLOSED"],
            "closure_code": ["", "corrected"],
            "closure_gaps": [[], body["missing"]],
        }
        assert (entry.reason, entry.actor, entry.source) == ("Lot sorted, 8D report accepted", "quality", "api")
        assert entry.request_id == response["X-Request-ID"]
        event = assert_published(NonConformityClosed)
        assert event.event_type == "NC_CLOSED"
        assert event.payload == {
            "nc_id": nc.pk,
            "supplier_id": nc.supplier_id,
            "severity": "high",
            "closure_code": "corrected",
            "days_open": 0,
            "closure_gaps": ["containment", "disposition", "root_cause", "effective_action"],
        }
        assert event.headers == {"request_id": response["X-Request-ID"], "actor": "quality"}
        assert Supplier.objects.get().nc_open == 0

    @pytest.mark.parametrize(
        "content_type", ["application/json", "", "text/plain", "application/x-www-form-urlencoded"]
    )
    def test_the_body_may_be_absent_whatever_its_type_would_be(self, api, make_nc, content_type):
        nc = make_nc()

        response = api("quality").generic("PATCH", f"/ncs/{nc.pk}/close", b"", content_type=content_type)

        assert (response.status_code, response.json()["status"]) == (200, "CLOSED")

    def test_an_empty_object_is_a_body_without_a_reason(self, api, make_nc):
        response = api("quality").patch(f"/ncs/{make_nc().pk}/close", {})

        assert (response.status_code, response.json()["closure_reason"]) == (200, "")

    def test_closing_a_closed_one_is_200_and_changes_and_publishes_nothing(self, api, make_nc, row_counts):
        nc = make_nc()
        first = api("quality").patch(f"/ncs/{nc.pk}/close", {"reason": "Lot sorted"})
        before = row_counts()

        with assert_publishes_nothing():
            second = api("admin").patch(f"/ncs/{nc.pk}/close", {"reason": "Another reason"})

        assert second.status_code == 200
        assert second.json() == first.json()
        assert row_counts() == before
        assert AuditEntry.objects.filter(action="NC_CLOSED").count() == 1

    def test_an_unknown_one_is_404(self, api, row_counts, problem_of):
        client = api("quality")
        before = row_counts()

        assert problem_of(client.patch("/ncs/999999/close"), 404)["code"] == "nonconformity_not_found"
        assert row_counts() == before

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"reason": 5}, "reason"),
            ({"reason": None}, "reason"),
            ({"reason": "x" * 2001}, "reason"),
            ({"status": "OPEN"}, "status"),
            ({"closed_by": 1}, "closed_by"),
            ({"message": 1, "code": 2}, "code"),
        ],
    )
    def test_a_bad_body_is_refused_and_the_nc_stays_open(self, api, make_nc, row_counts, problem_of, body, field):
        nc = make_nc()
        client = api("quality")
        before = row_counts()

        problem = problem_of(client.patch(f"/ncs/{nc.pk}/close", body), 400)

        assert problem["errors"][0]["field"] == field
        assert row_counts() == before
        assert NonConformity.objects.get().status == "OPEN"


class TestList:
    @pytest.fixture
    def records(self, make_supplier, make_nc, users):
        forge, castings = make_supplier(), make_supplier()
        made = {
            (supplier.pk, severity): make_nc(supplier_id=supplier.pk, severity=severity)
            for supplier in (forge, castings)
            for severity in ("low", "medium", "high")
        }
        for severity in ("low", "high"):
            close_nonconformity(nc_id=made[forge.pk, severity].pk, actor=users["quality"])
        return forge, castings

    def test_newest_first_with_the_fields_of_one_nc(self, api, records):
        page = api("auditor").get("/ncs").json()

        assert set(page) == {"count", "count_is_exact", "next", "previous", "results"}
        assert page["count"] == 6
        assert all(set(row) == FIELDS for row in page["results"])
        ids = [row["id"] for row in page["results"]]
        assert ids == sorted(ids, reverse=True)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("status=OPEN", 4),
            ("status=CLOSED", 2),
            ("severity=low", 2),
            ("severity=medium", 2),
            ("severity=high", 2),
            ("status=OPEN&severity=high", 1),
            ("status=CLOSED&severity=medium", 0),
            ("supplier_id=999999", 0),
        ],
    )
    def test_each_choice_filters(self, api, records, query, count):
        page = api("quality").get(f"/ncs?{query}").json()

        assert page["count"] == len(page["results"]) == count
        for name, value in (pair.split("=") for pair in query.split("&")):
            assert all(str(row[name]) == value for row in page["results"])

    def test_by_supplier(self, api, records):
        _, castings = records

        page = api("quality").get(f"/ncs?supplier_id={castings.pk}&status=OPEN").json()

        assert page["count"] == 3
        assert {row["supplier_id"] for row in page["results"]} == {castings.pk}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("status", "open"),
            ("status", "DONE"),
            ("status", "OPEN,CLOSED"),
            ("status", ""),
            ("severity", "critical"),
            ("severity", "High"),
            ("severity", ""),
            ("supplier_id", ""),
            ("supplier_id", "-1"),
            ("supplier_id", "+1"),
            ("supplier_id", "1.0"),
            ("supplier_id", "1e3"),
            ("supplier_id", "0x1"),
            ("supplier_id", "1_000"),
            ("supplier_id", "١"),
            ("supplier_id", " 1"),
            ("supplier_id", "null"),
            ("supplier_id", "9" * 19),
            ("supplier_id", "9" * 5000),
            ("ordering", "id"),
            ("text", "bore"),
            ("supplier", "1"),
        ],
    )
    def test_what_is_no_choice_is_400_and_not_an_empty_page(self, api, problem_of, name, value):
        problem = problem_of(api("quality").get("/ncs", {name: value}), 400)

        assert [error["field"] for error in problem["errors"]] == [name]
