"""Correcting, deciding about and merging suppliers by the API, and finding them in the list."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from qhse.api.preconditions import etag_of
from suppliers.choices import Criticality
from suppliers.models import Supplier
from suppliers.services import merge_supplier
from suppliers.tests.made import a_certificate
from suppliers.tests.test_api import DETAIL_FIELDS, LIST_FIELDS

pytestmark = pytest.mark.django_db


def in_days(number: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=number)


class TestCreate:
    def test_takes_all_that_may_be_said_of_one(self, api):
        said = {
            "external_ref": "K-4711", "country": "IT", "category": "component", "criticality": "A",
            "contact_name": "Anna Weiss", "contact_email": "anna@example.com",
            "required_standards": ["iso_9001", "iso_14001"], "next_review_on": "2027-06-30",
        }  # fmt: skip

        body = api("procurement").post("/suppliers", {"name": "Ticino Springs", **said}).json()

        assert {name: body[name] for name in said} == {**said, "required_standards": ["iso_14001", "iso_9001"]}
        assert (body["code"], body["status"], body["cert_missing"]) == (f"SUP-{body['id']:05}", "pending", 2)
        assert set(body) == DETAIL_FIELDS

    def test_of_one_that_says_nothing_else_is_what_it_was(self, api):
        body = api("procurement").post("/suppliers", {"name": "Ticino Springs"}).json()

        assert (body["external_ref"], body["country"], body["category"]) == ("", "", "")
        assert (body["criticality"], body["required_standards"]) == (Criticality.B, [])
        assert (body["status_reason"], body["status_at"], body["status_by"]) == ("", None, None)
        assert (body["merged_into_id"], body["proposed_status"], body["next_review_on"]) == (None, None, None)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"external_ref": "K-1"}, "duplicate_reference"),
            ({"country": "XX"}, "invalid_detail"),
            ({"contact_email": "anna"}, "invalid_detail"),
            ({"next_review_on": "1979-12-31"}, "implausible_date"),
        ],
    )
    def test_refuses_what_no_supplier_is(self, api, make_supplier, problem_of, row_counts, body, code):
        make_supplier(external_ref="K-1")
        client = api("procurement")
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": "Ticino Springs", **body}), 400)

        assert [(error["field"], error["code"]) for error in problem["errors"]] == [(*body, code)]
        assert row_counts() == before


class TestCorrect:
    def test_answers_the_corrected_one_with_its_new_etag(self, api, make_supplier):
        supplier = make_supplier()
        client = api("procurement")

        response = client.patch(f"/suppliers/{supplier.pk}", {"name": "Hansa Forge AG", "reason": "Renamed"})

        assert response.status_code == 200
        assert response.json() == client.get(f"/suppliers/{supplier.pk}").json()
        assert (response.json()["name"], response["ETag"]) == ("Hansa Forge AG", etag_of(2))

    def test_refuses_one_who_has_read_an_older_version(self, api, make_supplier, problem_of):
        supplier = make_supplier()
        path, body = f"/suppliers/{supplier.pk}", {"country": "DE", "reason": "x"}

        problem_of(api("procurement").patch(path, body, HTTP_IF_MATCH='"7"'), 412)

        assert api("procurement").patch(path, body, HTTP_IF_MATCH='"1"').status_code == 200

    def test_is_done_once_however_often_it_is_sent(self, api, make_supplier):
        supplier = make_supplier()
        client = api("procurement")
        send = {"HTTP_IDEMPOTENCY_KEY": "renamed-4711"}
        path, body = f"/suppliers/{supplier.pk}", {"country": "DE", "reason": "x"}

        first, again = (client.patch(path, body, **send) for _ in range(2))

        assert first.json() == again.json()
        assert again["Idempotency-Replayed"] == "true"
        assert Supplier.objects.get().version == 2

    def test_asks_for_a_reason(self, api, make_supplier, problem_of):
        problem = problem_of(api("procurement").patch(f"/suppliers/{make_supplier().pk}", {"country": "DE"}), 400)

        assert [error["field"] for error in problem["errors"]] == ["reason"]


class TestStatus:
    def test_answers_who_decided_what_when_and_why(self, api, users, make_supplier):
        supplier = make_supplier()
        client = api("quality")

        response = client.post(f"/suppliers/{supplier.pk}/status", {"status": "approved", "reason": "Audit passed"})

        body = response.json()
        assert response.status_code == 200
        assert body == client.get(f"/suppliers/{supplier.pk}").json()
        assert (body["status"], body["status_reason"], body["status_by"]) == (
            "approved", "Audit passed", users["quality"].pk
        )  # fmt: skip
        assert body["status_at"] is not None

    def test_says_all_that_is_missing(self, api, make_supplier, problem_of):
        supplier = make_supplier(required_standards=["iso_9001", "as_9100"])

        response = api("quality").post(f"/suppliers/{supplier.pk}/status", {"status": "approved", "reason": "Urgent"})

        problem = problem_of(response, 409)
        assert problem["code"] == "status_not_earned"
        assert "AS 9100" in problem["detail"]
        assert "ISO 9001" in problem["detail"]

    def test_says_who_decides_instead(self, api, make_supplier, problem_of):
        path = f"/suppliers/{make_supplier().pk}/status"

        problem = problem_of(api("procurement").post(path, {"status": "approved", "reason": "Cheap"}), 403)

        assert problem["code"] == "may_not_decide"
        assert "decided by administrator or quality" in problem["detail"]

    def test_knows_no_way_there(self, api, make_supplier, problem_of):
        path = f"/suppliers/{make_supplier().pk}/status"

        problem = problem_of(api("admin").post(path, {"status": "suspended", "reason": "x"}), 409)

        assert problem["code"] == "forbidden_move"

    def test_that_it_has_already_needs_no_reason(self, api, make_supplier):
        response = api("quality").post(f"/suppliers/{make_supplier().pk}/status", {"status": "pending"})

        assert (response.status_code, response["ETag"]) == (200, etag_of(1))


class TestMerge:
    @pytest.fixture
    def both(self, make_supplier):
        return make_supplier(name="Hansa Forge"), make_supplier(name="Hansa Forge GmbH")

    def test_answers_the_duplicate_and_who_is_left(self, api, both):
        source, target = both
        client = api("admin")

        response = client.post(f"/suppliers/{source.pk}/merge", {"into_id": target.pk, "reason": "Recorded twice"})

        assert (response.status_code, response["ETag"]) == (200, etag_of(2))
        assert response.json() == client.get(f"/suppliers/{source.pk}").json()
        assert response.json()["merged_into_id"] == target.pk

    def test_takes_the_duplicate_out_of_every_list(self, api, users, both):
        source, target = both
        merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason="Twice")
        client = api("auditor")

        for query in ("", "?status=pending", "?search=hansa", "?ordering=-name", "?at_risk=false", "?offset=0&limit=1"):
            page = client.get(f"/suppliers{query}").json()
            assert (page["count"], [row["id"] for row in page["results"]]) == (1, [target.pk]), query

    def test_then_its_routes_name_the_one_that_is_left(self, api, users, both, problem_of):
        source, target = both
        merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason="Twice")
        client = api("admin")

        for method, path, body in (
            ("patch", f"/suppliers/{source.pk}", {"country": "DE", "reason": "x"}),
            ("patch", f"/suppliers/{source.pk}/certification", {"certification_expiry": "2029-06-30"}),
            ("post", f"/suppliers/{source.pk}/status", {"status": "conditional", "reason": "x"}),
            ("post", "/ncs", {"supplier_id": source.pk, "severity": "low", "description": "Wet"}),
        ):
            problem = problem_of(getattr(client, method)(path, body), 409)
            assert (problem["code"], problem["existing_id"]) == ("supplier_is_merged", target.pk), path

    @pytest.mark.parametrize(
        ("into", "status", "code"), [("itself", 400, "invalid_detail"), ("nobody", 400, "unknown_supplier")]
    )
    def test_refuses_what_cannot_be(self, api, both, problem_of, into, status, code):
        into_id = both[0].pk if into == "itself" else 999_999

        response = api("admin").post(f"/suppliers/{both[0].pk}/merge", {"into_id": into_id, "reason": "x"})

        problem = problem_of(response, status)
        assert [(error["field"], error["code"]) for error in problem["errors"]] == [("into_id", code)]


class TestList:
    @pytest.fixture
    def found(self, api, users, make_supplier):
        """Return the names that a query finds, among suppliers that differ in what can be asked for."""
        make_supplier(name="plain")
        make_supplier(name="german", country="DE", category="material", criticality="A", external_ref="K-4711")
        make_supplier(name="missing", required_standards=["iso_9001"], country="IT")
        covered = make_supplier(name="covered", required_standards=["iso_14001"], next_review_on=in_days(0))
        certificate = {"standard": "iso_14001", "valid_to": in_days(60)}
        a_certificate(covered, users["procurement"], **certificate)
        client = api("procurement")
        body = {"required_standards": ["iso_14001", "iso_9001"], "reason": "x"}
        client.patch(f"/suppliers/{covered.pk}", body)
        make_supplier(name="declared", certification_expiry=in_days(30), next_review_on=in_days(1))
        client.post(f"/suppliers/{Supplier.objects.get(name='plain').pk}/status",
                    {"status": "conditional", "reason": "x"})  # fmt: skip

        def names(query):
            response = client.get(f"/suppliers?{query}")
            assert response.status_code == 200, response.content
            page = response.json()
            assert page["count"] == len(page["results"])
            assert all(set(row) == LIST_FIELDS for row in page["results"])
            return {row["name"] for row in page["results"]}

        return names

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("status=conditional", {"plain"}),
            ("status=pending", {"german", "missing", "covered", "declared"}),
            ("criticality=A", {"german"}),
            ("category=material", {"german"}),
            ("country=DE", {"german"}),
            ("country=FR", set()),
            ("standard=iso_9001", {"missing", "covered"}),
            ("standard=iso_14001", {"covered"}),
            ("standard=as_9100", set()),
            ("ending_within=30", {"declared"}),
            ("ending_within=60", {"declared", "covered"}),
            ("missing=true", {"missing", "covered"}),
            ("missing=false", {"plain", "german", "declared"}),
            ("unverified=true", {"covered"}),
            ("review_due=true", {"covered"}),
            ("review_due=false", {"plain", "german", "missing", "declared"}),
            ("search=k-4711", {"german"}),
            ("search=4711", {"german"}),
            ("status=pending&criticality=A", {"german"}),
            ("missing=true&country=IT", {"missing"}),
        ],
    )
    def test_filters(self, found, query, expected):
        assert found(query) == expected

    def test_filters_by_the_level(self, api, make_supplier, make_nc, drain):
        worse, calm = make_supplier(), make_supplier()
        make_nc(supplier_id=worse.pk, severity="high")
        drain()

        new = make_supplier()

        for level, expected in (
            ("high", [worse.pk]), ("low", [calm.pk]), ("critical", []), ("not_assessed", [new.pk]),
        ):  # fmt: skip
            page = api("auditor").get(f"/suppliers?level={level}").json()
            assert [row["id"] for row in page["results"]] == expected

    def test_finds_a_supplier_by_its_number_as_people_write_it(self, found):
        german = Supplier.objects.get(name="german")

        for term in (str(german.pk), german.code, german.code.lower(), f"supplier {german.pk}", f"no. {german.pk}"):
            assert "german" in found(f"search={term}")

    @pytest.mark.parametrize(
        "query", ["status=blessed", "level=extreme", "criticality=a", "country=de", "standard=din", "ending_within=45",
                  "missing=yes", "unverified=1", "review_due=", "merged=true"],
    )  # fmt: skip
    def test_refuses_what_it_does_not_understand(self, api, problem_of, query):
        problem = problem_of(api("auditor").get(f"/suppliers?{query}"), 400)

        assert [error["field"] for error in problem["errors"]] == [query.partition("=")[0]]

    def test_names_a_certificate_of_a_standard_that_nobody_asks_for(self, api, users, make_supplier):
        supplier = make_supplier()
        a_certificate(supplier, users["procurement"], standard="iso_45001")
        a_certificate(
            make_supplier(), users["procurement"], standard="iso_45001", status="rejected", status_reason="No",
            decided_by=users["quality"], decided_at="2026-01-31T00:00Z",
        )  # fmt: skip

        page = api("auditor").get("/suppliers?standard=iso_45001").json()

        assert [row["id"] for row in page["results"]] == [supplier.pk]

    def test_reads_the_columns_that_it_shows_and_no_other(self, api, make_supplier, django_assert_num_queries):
        make_supplier()
        client = api("auditor")
        client.get("/suppliers")  # the SQL is written

        with django_assert_num_queries(2) as captured:  # the user, the page with its count
            client.get("/suppliers")

        read = captured.captured_queries[-1]["sql"]
        assert "name_order" not in read
        assert "risk_reasons" not in read
