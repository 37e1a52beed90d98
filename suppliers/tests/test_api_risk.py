"""`/suppliers/{id}/risk`: one assessment, its history, and the override."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qhse import clock
from suppliers.models import Supplier
from suppliers.services import update_certification

pytestmark = pytest.mark.django_db


@pytest.fixture
def risky(make_supplier, make_nc, drain):
    supplier = make_supplier()
    make_nc(supplier_id=supplier.pk, severity="high")
    drain()
    return supplier


class TestRisk:
    def test_is_one_assessment_whose_lines_add_up_and_say_what_they_rest_on(self, api, risky):
        body = api("auditor").get(f"/suppliers/{risky.pk}/risk").json()

        nc = risky.ncs.get().pk
        assert body["lines"][0] == {
            "code": "open_ncs",
            "detail": "Open non-conformities: 1 high",
            "points": 12,
            "figure": {"high": 1, "medium": 0, "low": 0},
            "rows": [{"kind": "nonconformity", "ids": [nc], "total": 1}],
        }
        assert body["score"] == sum(line["points"] for line in body["lines"]) == 50
        told = {name: body[name] for name in ("supplier_id", "level", "computed_level", "is_at_risk", "confidence")}
        assert told == {
            "supplier_id": risky.pk, "level": "high", "computed_level": "high", "is_at_risk": True,
            "confidence": "low",
        }  # fmt: skip
        assert (body["rule_version"], body["override"], body["is_current"]) == (2, None, True)

    def test_of_a_supplier_that_is_not_assessed_yet_says_so(self, api, make_supplier):
        body = api("auditor").get(f"/suppliers/{make_supplier().pk}/risk").json()

        unknown = ("score", "level", "computed_level", "confidence", "rule_version", "assessed_at", "override")
        assert {body[name] for name in unknown} == {None}
        assert (body["lines"], body["is_current"]) == ([], False)

    def test_of_the_first_version_of_the_rule_stays_readable(self, api, make_supplier):
        old = {"code": "open_ncs", "detail": "Open non-conformities: 1 low", "points": 2}
        supplier = make_supplier()
        Supplier.objects.update(risk_reasons=[old], risk_score=2, risk_assessed_at=clock.present())

        body = api("auditor").get(f"/suppliers/{supplier.pk}/risk").json()

        assert (body["rule_version"], body["lines"]) == (1, [old | {"figure": None, "rows": []}])

    @pytest.mark.parametrize("path", ["risk", "risk/history"])
    def test_of_an_unknown_supplier_is_404(self, api, problem_of, path):
        assert problem_of(api("auditor").get(f"/suppliers/4711/{path}"), 404)["code"] == "supplier_not_found"


class TestHistory:
    def test_has_what_was_concluded_newest_first(self, api, make_supplier, users, drain):
        supplier = make_supplier(certification_expiry=clock.today() - timedelta(days=1))
        drain()
        soon = clock.today() + timedelta(days=80)
        update_certification(supplier_id=supplier.pk, certification_expiry=soon, actor=users["procurement"])
        drain()

        page = api("auditor").get(f"/suppliers/{supplier.pk}/risk/history").json()

        told = [(row["score"], row["level"], row["cause"]) for row in page["results"]]
        assert told == [(3, "low", "SUPPLIER_CERT_UPDATED"), (50, "high", "SUPPLIER_CREATED")]
        assert [line["code"] for line in page["results"][0]["lines"]] == ["certification_expiring"]

    def test_is_of_one_supplier_alone(self, api, risky, make_supplier, drain):
        other = make_supplier()
        drain()

        assert api("auditor").get(f"/suppliers/{other.pk}/risk/history").json()["count"] == 1


class TestOverride:
    def body(self, **more):
        until = (clock.today() + timedelta(days=30)).isoformat()
        return {"level": "medium", "reason": "Plant audited", "until": until} | more

    @pytest.mark.parametrize("role", ["quality", "admin"])
    def test_answers_the_risk_as_it_is_shown_from_now_on(self, api, risky, users, role):
        answer = api(role).post(f"/suppliers/{risky.pk}/risk/override", self.body())

        assert (answer.status_code, answer["ETag"]) == (200, '"2"')
        told = answer.json()
        assert (told["level"], told["computed_level"], told["score"]) == ("medium", "high", 50)
        assert told["override"] == self.body() | {"by_id": users[role].pk}
        one = api("auditor").get(f"/suppliers/{risky.pk}").json()
        assert (one["risk_level"], one["risk_computed_level"], one["risk_override"]) == (
            "medium", "high", told["override"],
        )  # fmt: skip
        assert api("auditor").get("/suppliers?level=medium").json()["count"] == 1
        assert api("auditor").get("/suppliers?level=high").json()["count"] == 0

    def test_is_ended_by_null(self, api, risky):
        client = api("admin")
        client.post(f"/suppliers/{risky.pk}/risk/override", self.body())

        ended = client.post(f"/suppliers/{risky.pk}/risk/override", {"level": None, "reason": "Findings closed"})

        assert (ended.json()["level"], ended.json()["override"]) == ("high", None)

    def test_of_a_version_that_is_past_is_refused(self, api, problem_of, risky):
        answer = api("admin").post(f"/suppliers/{risky.pk}/risk/override", self.body(), HTTP_IF_MATCH='"7"')

        assert problem_of(answer, 412)["code"] == "stale_version"

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"until": "2199-01-01"}, "until"),
            ({"until": None}, "until"),
            ({"level": "worst"}, "level"),
            ({"reason": ""}, "reason"),
        ],
    )
    def test_that_does_not_fit_says_which_field(self, api, problem_of, risky, more, field):
        problem = problem_of(api("admin").post(f"/suppliers/{risky.pk}/risk/override", self.body(**more)), 400)

        assert [error["field"] for error in problem["errors"]] == [field]

    def test_of_a_supplier_that_is_not_assessed_yet_is_a_conflict(self, api, problem_of, make_supplier):
        answer = api("admin").post(f"/suppliers/{make_supplier().pk}/risk/override", self.body())

        assert problem_of(answer, 409)["code"] == "risk_not_assessed"


def test_the_list_is_ordered_by_the_score(api, risky, make_supplier, drain):
    calm = make_supplier()
    drain()

    rows = api("auditor").get("/suppliers?ordering=-risk_score").json()["results"]

    assert [(row["id"], row["risk_score"]) for row in rows] == [(risky.pk, 50), (calm.pk, 0)]
