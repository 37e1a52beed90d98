"""`/suppliers` does what the contract says, and says what it did."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

LIST_FIELDS = {
    "id", "name", "certification_expiry", "is_at_risk", "risk_level", "created_at", "code", "external_ref", "country",
    "category", "criticality", "status", "risk_score", "risk_is_current",
}  # fmt: skip
DETAIL_FIELDS = LIST_FIELDS | {
    "contact_name",
    "contact_email",
    "required_standards",
    "next_review_on",
    "status_reason",
    "status_at",
    "status_by",
    "proposed_status",
    "merged_into_id",
    "cert_ends_on",
    "cert_missing",
    "cert_unverified",
    "nc_total",
    "nc_open",
    "nc_open_high",
    "risk_computed_level",
    "risk_override",
    "risk_reasons",
    "risk_assessed_at",
    "proven_until",
    "declared_not_proven",
}


def today() -> date:
    return datetime.now(UTC).date()


def days_from_today(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


class TestCreate:
    def test_answers_the_stored_supplier(self, api):
        response = api("procurement").post(
            "/suppliers", {"name": "  Hansa   Forge GmbH ", "certification_expiry": "2029-06-30"}
        )

        assert response.status_code == 201
        body = response.json()
        assert set(body) == DETAIL_FIELDS
        assert (body["name"], body["certification_expiry"]) == ("Hansa Forge GmbH", "2029-06-30")
        assert (body["nc_total"], body["nc_open"], body["nc_open_high"], body["is_at_risk"]) == (0, 0, 0, False)
        assert Supplier.objects.get(pk=body["id"]).certification_expiry == date(2029, 6, 30)
        assert datetime.fromisoformat(body["created_at"]).utcoffset() == timedelta(0)

    @pytest.mark.parametrize("body", [{"name": "Hansa"}, {"name": "Hansa", "certification_expiry": None}])
    def test_an_unknown_expiry_is_null_and_no_risk(self, api, body):
        response = api("admin").post("/suppliers", body)

        assert response.status_code == 201
        assert response.json()["certification_expiry"] is None
        assert response.json()["is_at_risk"] is False

    def test_leaves_one_audit_entry_and_one_event_with_the_request_id_of_the_answer(self, api, users):
        response = api("procurement").post(
            "/suppliers",
            {"name": "Hansa Forge GmbH", "certification_expiry": "2029-06-30"},
            HTTP_X_REQUEST_ID="purchase-4711",
        )

        assert response["X-Request-ID"] == "purchase-4711"
        entry = AuditEntry.objects.get(entity_type="supplier")
        assert (entry.action, entry.entity_id) == ("SUPPLIER_CREATED", str(response.json()["id"]))
        assert (entry.actor, entry.actor_id, entry.actor_role) == (
            "procurement",
            users["procurement"].pk,
            "procurement",
        )
        assert (entry.source, entry.request_id) == ("api", "purchase-4711")
        assert entry.changes == {"name": [None, "Hansa Forge GmbH"], "certification_expiry": [None, "2029-06-30"]}
        event = assert_published(SupplierCreated)
        assert (event.event_type, event.aggregate_type, event.aggregate_id) == (
            "SUPPLIER_CREATED",
            "supplier",
            entry.entity_id,
        )
        assert event.payload == {"supplier_id": response.json()["id"], "name": "Hansa Forge GmbH"}
        assert event.headers == {"request_id": "purchase-4711", "actor": "procurement"}

    @pytest.mark.parametrize(
        "same",
        [
            "Käfer Guß GmbH",
            "KÄFER GUSS GMBH",
            "Ka\u0308fer Guss GmbH",
            "  käfer\u00a0 guß   gmbh ",
            "Ｋäfer Guß GmbH",
        ],
        ids=["same", "case", "decomposed", "white space", "full width"],
    )
    def test_a_name_is_taken_in_every_case_and_unicode_form(self, api, row_counts, problem_of, same):
        client = api("procurement")
        first = client.post("/suppliers", {"name": "Käfer Guß GmbH"}).json()
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": same}), 400)

        assert (problem["code"], problem["existing_id"]) == ("duplicate_name", first["id"])
        assert "'Käfer Guß GmbH'" in problem["detail"]
        assert problem["errors"] == [
            {"field": "name", "code": "duplicate_name", "detail": problem["errors"][0]["detail"]}
        ]
        assert row_counts() == before

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "   \t\n ",
            "\u00a0\u3000",
            "x" * 201,
            "x" * 1001,
            "Hansa\u200bForge",
            "\u202egnitsaC",
            "Hansa\u0007",
            "\ue000",
            "\ufeffHansa",
            "Hansa\nForge",
            "Hansa\x1cForge",
            "Hansa\u2028Forge",
            "Hansa\n",
            "\u3164",
            "\u2800",
            "Hansa\u034f",
            "Hansa\ufe0f",
            "\ufdfa" * 45,
        ],
        ids=[
            "empty",
            "white space",
            "unicode white space",
            "201 characters",
            "1001 characters",
            "zero width",
            "bidi override",
            "bell",
            "private use",
            "byte order mark",
            "line feed",
            "file separator",
            "line separator",
            "line feed at the end",
            "Hangul filler",
            "Braille blank",
            "joiner at the end",
            "variation selector at the end",
            "a key that is too long",
        ],
    )
    def test_a_bad_name_is_refused_and_nothing_stored(self, api, row_counts, problem_of, name):
        client = api("procurement")
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": name}), 400)

        assert [error["field"] for error in problem["errors"]] == ["name"]
        assert row_counts() == before

    @pytest.mark.parametrize(
        "name", ["x", "x" * 200, " " + "é" * 200 + " ", "柏林 株式会社", "O'Brien & Söhne <KG>", "🏭"]
    )
    def test_a_good_name_is_stored_as_it_is(self, api, name):
        response = api("procurement").post("/suppliers", {"name": name})

        assert response.status_code == 201
        assert Supplier.objects.get().name == name.strip()

    @pytest.mark.parametrize("space", [" ", "   ", "\u00a0", " \u3000 "])
    def test_white_space_inside_a_name_becomes_one_space(self, api, space):
        api("procurement").post("/suppliers", {"name": f"Hansa{space}Forge"})

        assert Supplier.objects.get().name == "Hansa Forge"

    @pytest.mark.parametrize("day", ["1979-12-31", "2200-01-01", "0001-01-01", "9999-12-31"])
    def test_an_implausible_expiry_is_refused(self, api, row_counts, problem_of, day):
        client = api("procurement")
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": "Hansa", "certification_expiry": day}), 400)

        assert problem["errors"][0]["field"] == "certification_expiry"
        assert row_counts() == before

    @pytest.mark.parametrize("day", ["1980-01-01", "2028-02-29", "2199-12-31"])
    def test_the_first_and_the_last_plausible_day_are_accepted(self, api, day):
        response = api("procurement").post("/suppliers", {"name": "Hansa", "certification_expiry": day})

        assert response.json()["certification_expiry"] == day

    @pytest.mark.parametrize(
        "forbidden",
        ["id", "name_key", "nc_total", "nc_open_high", "risk_level", "risk_score", "risk_reasons", "is_at_risk",
         "created_at", "updated_at", "actor", "created_by", "role", "request_id"],
    )  # fmt: skip
    def test_what_a_client_may_not_set_is_refused_and_not_ignored(self, api, row_counts, problem_of, forbidden):
        client = api("admin")
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": "Hansa", forbidden: 1}), 400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [(forbidden, "unknown_field")]
        assert row_counts() == before


class TestRetrieve:
    def test_counts_the_ncs_and_gives_the_reasons_of_the_risk(self, api, make_supplier, make_nc, drain):
        supplier = make_supplier(certification_expiry=today() - timedelta(days=1))
        for severity in ("high", "high", "low"):
            make_nc(supplier_id=supplier.pk, severity=severity)
        drain()

        body = api("quality").get(f"/suppliers/{supplier.pk}").json()

        assert set(body) == DETAIL_FIELDS
        assert (body["nc_total"], body["nc_open"], body["nc_open_high"]) == (3, 3, 2)
        assert body["is_at_risk"] is True
        assert {reason["code"] for reason in body["risk_reasons"]} >= {"open_ncs", "certification_expired"}
        assert sum(reason["points"] for reason in body["risk_reasons"]) == body["risk_score"]

    @pytest.mark.parametrize(
        ("days", "severity", "at_risk"),
        [(-1, None, True), (0, None, False), (1, None, False), (1, "high", True), (1, "medium", False)],
        ids=["expired yesterday", "valid through today", "valid", "open high NC", "open medium NC"],
    )
    def test_is_at_risk_exactly_when_the_contract_says(self, api, make_supplier, make_nc, days, severity, at_risk):
        supplier = make_supplier(certification_expiry=today() + timedelta(days=days))
        if severity:
            make_nc(supplier_id=supplier.pk, severity=severity)

        assert api("auditor").get(f"/suppliers/{supplier.pk}").json()["is_at_risk"] is at_risk

    def test_the_worker_keeps_the_risk_level(self, api, make_supplier, make_nc, drain):
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk, severity="high")
        client = api("auditor")
        unseen = client.get(f"/suppliers/{supplier.pk}").json()
        assert (unseen["risk_assessed_at"], unseen["risk_level"], unseen["risk_score"]) == (None, None, None)
        assert (unseen["risk_reasons"], unseen["risk_is_current"]) == ([], False)

        drain()

        body = client.get(f"/suppliers/{supplier.pk}").json()
        assert body["risk_level"] == "high"
        assert body["risk_assessed_at"] is not None
        assert body["risk_is_current"] is True

    @pytest.mark.parametrize("unknown", ["0", "999999", "9223372036854775808", "9" * 40])
    def test_an_unknown_one_is_404(self, api, problem_of, unknown):
        assert problem_of(api("auditor").get(f"/suppliers/{unknown}"), 404)["code"] == "supplier_not_found"


class TestCertification:
    def test_sets_the_day_and_leaves_audit_entry_and_event(self, api, make_supplier):
        supplier = make_supplier(certification_expiry=date(2027, 6, 30))

        response = api("procurement").patch(
            f"/suppliers/{supplier.pk}/certification",
            {"certification_expiry": "2029-06-30", "reason": "Renewal audit passed"},
        )

        assert response.status_code == 200
        assert set(response.json()) == DETAIL_FIELDS
        assert response.json()["certification_expiry"] == "2029-06-30"
        entry = AuditEntry.objects.get(action="SUPPLIER_CERT_UPDATED")
        assert entry.changes == {"certification_expiry": ["2027-06-30", "2029-06-30"]}
        assert (entry.reason, entry.source, entry.actor) == ("Renewal audit passed", "api", "procurement")
        assert entry.request_id == response["X-Request-ID"]
        event = assert_published(SupplierCertificationUpdated)
        assert event.event_type == "SUPPLIER_CERT_UPDATED"
        assert event.payload == {
            "supplier_id": supplier.pk,
            "certification_expiry": "2029-06-30",
            "previous": "2027-06-30",
        }
        assert event.headers["request_id"] == response["X-Request-ID"]

    def test_null_means_that_none_is_known(self, api, make_supplier):
        supplier = make_supplier(certification_expiry=date(2027, 6, 30))

        response = api("admin").patch(f"/suppliers/{supplier.pk}/certification", {"certification_expiry": None})

        assert response.json()["certification_expiry"] is None

    @pytest.mark.parametrize("day", ["2027-06-30", None])
    def test_the_same_value_changes_nothing_and_announces_nothing(self, api, make_supplier, row_counts, day):
        supplier = make_supplier(certification_expiry=day and date.fromisoformat(day))
        client = api("procurement")
        before = row_counts()
        updated_at = Supplier.objects.get().updated_at

        with assert_publishes_nothing():
            response = client.patch(f"/suppliers/{supplier.pk}/certification", {"certification_expiry": day})

        assert response.status_code == 200
        assert row_counts() == before
        assert Supplier.objects.get().updated_at == updated_at

    def test_an_unknown_supplier_is_404(self, api, row_counts, problem_of):
        client = api("procurement")
        before = row_counts()

        problem = problem_of(
            client.patch("/suppliers/999999/certification", {"certification_expiry": "2029-06-30"}), 404
        )

        assert problem["code"] == "supplier_not_found"
        assert row_counts() == before

    @pytest.mark.parametrize("body", [{}, {"reason": "no day"}])
    def test_the_day_must_be_given(self, api, make_supplier, problem_of, body):
        supplier = make_supplier()

        problem = problem_of(api("procurement").patch(f"/suppliers/{supplier.pk}/certification", body), 400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [
            ("certification_expiry", "required")
        ]


class TestList:
    def names(self, client, query: str) -> list[str]:
        response = client.get(f"/suppliers{query}")
        assert response.status_code == 200, response.content
        return [row["name"] for row in response.json()["results"]]

    @pytest.fixture
    def client(self, api, make_supplier, make_nc):
        forge = make_supplier(name="Hansa Forge", certification_expiry=today() - timedelta(days=1))
        make_supplier(name="Nordic Castings", certification_expiry=today())
        make_supplier(name="Ätna 100%_Pumpen", certification_expiry=None)
        make_supplier(name="hansa valves", certification_expiry=today() + timedelta(days=400))
        pumps = Supplier.objects.get(name__startswith="Ätna")
        make_nc(supplier_id=pumps.pk, severity="high")
        make_nc(supplier_id=forge.pk, severity="low")
        make_nc(supplier_id=forge.pk, severity="low")
        return api("auditor")

    def test_a_row_has_the_fields_of_the_list(self, client):
        page = client.get("/suppliers").json()

        assert set(page) == {"count", "count_is_exact", "next", "previous", "results"}
        assert page["count"] == 4
        assert all(set(row) == LIST_FIELDS for row in page["results"])

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("hansa", ["Hansa Forge", "hansa valves"]),
            ("FORGE", ["Hansa Forge"]),
            ("a\u0308tna", ["Ätna 100%_Pumpen"]),
            ("100%_", ["Ätna 100%_Pumpen"]),
            ("%", ["Ätna 100%_Pumpen"]),
            ("_", ["Ätna 100%_Pumpen"]),
            ("' OR 1=1 --", []),
            ("\\", []),
            ("nobody", []),
            ("", ["Hansa Forge", "Nordic Castings", "Ätna 100%_Pumpen", "hansa valves"]),
        ],
    )
    def test_search_finds_a_part_of_the_name_literally(self, client, search, found):
        response = client.get("/suppliers", {"search": search})

        assert [row["name"] for row in response.json()["results"]] == found

    def test_at_risk_splits_the_suppliers_in_two(self, client):
        assert self.names(client, "?at_risk=true") == ["Hansa Forge", "Ätna 100%_Pumpen"]
        assert self.names(client, "?at_risk=false") == ["Nordic Castings", "hansa valves"]
        assert all(row["is_at_risk"] for row in client.get("/suppliers?at_risk=true").json()["results"])

    @pytest.mark.parametrize("word", ["True", "1", "0", "yes", "", "null", "true,false"])
    def test_at_risk_takes_no_other_word(self, client, problem_of, word):
        problem = problem_of(client.get("/suppliers", {"at_risk": word}), 400)

        assert [error["field"] for error in problem["errors"]] == ["at_risk"]

    @pytest.mark.parametrize(
        ("ordering", "expected"),
        [
            ("id", ["Hansa Forge", "Nordic Castings", "Ätna 100%_Pumpen", "hansa valves"]),
            ("-id", ["hansa valves", "Ätna 100%_Pumpen", "Nordic Castings", "Hansa Forge"]),
            ("name", ["Ätna 100%_Pumpen", "Hansa Forge", "hansa valves", "Nordic Castings"]),
            ("-name", ["Nordic Castings", "hansa valves", "Hansa Forge", "Ätna 100%_Pumpen"]),
            ("nc_open", ["Nordic Castings", "hansa valves", "Ätna 100%_Pumpen", "Hansa Forge"]),
            ("-nc_open", ["Hansa Forge", "Ätna 100%_Pumpen", "hansa valves", "Nordic Castings"]),
            ("-nc_open,name", ["Hansa Forge", "Ätna 100%_Pumpen", "hansa valves", "Nordic Castings"]),
            ("created_at,-name", None),
        ],
    )
    def test_ordering_by_each_field_and_direction(self, client, ordering, expected):
        names = self.names(client, f"?ordering={ordering}")

        assert len(names) == 4
        assert expected is None or names == expected

    def test_ordering_by_another_field_is_told_the_fields(self, client, problem_of):
        refused = problem_of(client.get("/suppliers?ordering=country"), 400)["errors"][0]

        assert (refused["field"], refused["code"]) == ("ordering", "invalid_choice")
        assert "name, certification_expiry" in refused["detail"] and "country" not in refused["detail"]

    def test_ordering_by_expiry_orders_the_known_days(self, client):
        rows = client.get("/suppliers?ordering=certification_expiry").json()["results"]
        days = [row["certification_expiry"] for row in rows if row["certification_expiry"]]
        backwards = client.get("/suppliers?ordering=-certification_expiry").json()["results"]

        assert days == sorted(days)
        assert [row["id"] for row in backwards] == [row["id"] for row in reversed(rows)]

    @pytest.mark.parametrize(
        "ordering", ["", ",", "name,", ",name", "name,name", "--name", "name_key", "pk", "?", "password",
                     "ncs__description", "Name", "name desc", ",".join(["id"] * 3000)]
    )  # fmt: skip
    def test_an_ordering_that_is_not_offered_is_refused(self, client, problem_of, ordering):
        problem = problem_of(client.get("/suppliers", {"ordering": ordering}), 400)

        assert [error["field"] for error in problem["errors"]] == ["ordering"]
