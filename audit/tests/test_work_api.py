"""`/audit-log/reviews` and `/audit-log/verifications`."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry, AuditSeal, ReviewStamp, TrailVerification
from audit.tests.test_commands import falsify
from audit.verifying import go_on_verifying

REVIEWS, VERIFICATIONS = "/audit-log/reviews", "/audit-log/verifications"
BODY = {"seal": 2, "note": "Closings of the third quarter: no objection"}


def test_a_review_is_stored_and_listed(api, trail):
    made = api("auditor").post(REVIEWS, BODY)

    assert made.status_code == 201
    assert set(made.json()) == {"id", "seal", "seal_hash", "note", "reviewed_by", "reviewed_at"}
    assert made.json()["seal_hash"] == AuditSeal.objects.get(number=2).hash
    assert api("admin").get(REVIEWS).json()["results"] == [made.json()]


def test_a_repeat_under_a_key_stores_one_review(api, trail):
    client, key = api("auditor"), {"HTTP_IDEMPOTENCY_KEY": "review-1"}

    first, again = (client.post(REVIEWS, BODY, **key) for _ in range(2))

    assert first.content == again.content
    assert ReviewStamp.objects.count() == AuditEntry.objects.filter(action="AUDIT_TRAIL_REVIEWED").count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (BODY | {"seal": 99}, 400, "unknown_seal"),
        (BODY | {"note": "\u200b"}, 400, "invalid"),
        (BODY | {"seal": 0}, 400, "invalid"),
        ({"seal": 2}, 400, "invalid"),
    ],
)
def test_a_review_that_cannot_be(api, trail, problem_of, body, status, code):
    assert problem_of(api("auditor").post(REVIEWS, body), status)["code"] == code
    assert not ReviewStamp.objects.exists()


def test_a_seal_that_does_not_verify_is_a_409_that_names_what_is_wrong(api, trail, problem_of):
    pk = falsify(reason="as agreed")

    problem = problem_of(api("auditor").post(REVIEWS, BODY | {"seal": 1}), 409)

    assert problem["code"] == "seal_is_not_sound"
    assert f"entry {pk}: is not what seal 1 sealed" in problem["detail"]


def test_a_verification_is_started_and_its_progress_and_findings_are_read(api, trail):
    pk = falsify(reason="as agreed")
    client = api("auditor")

    started = client.post(VERIFICATIONS, {}).json()
    while go_on_verifying():
        pass
    (over,) = client.get(VERIFICATIONS).json()["results"]

    assert (started["state"], started["percent"], started["findings"]) == ("running", 0, [])
    assert (over["id"], over["state"], over["percent"], over["findings_total"]) == (started["id"], "done", 100, 1)
    assert over["findings"] == [{"what": "entry", "number": pk, "problem": "is not what seal 1 sealed"}]
    assert over["started_by"] == "auditor"


def test_a_second_one_is_a_409(api, trail, problem_of):
    api("auditor").post(VERIFICATIONS)

    problem = problem_of(api("admin").post(VERIFICATIONS), 409)

    assert problem["code"] == "verification_is_running"
    assert TrailVerification.objects.count() == 1
