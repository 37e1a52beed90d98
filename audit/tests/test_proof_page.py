"""The page of the proof: one click verifies the whole trail, and a review says up to which seal it was read."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import AuditEntry, AuditSeal, ReviewStamp, TrailVerification
from audit.tests.test_admin import LIST, all_tiles, messages_of
from audit.tests.test_commands import falsify
from audit.verifying import go_on_verifying
from qhse.uuid7 import uuid7

PROOF = f"{LIST}proof/"
NOTE = {"note": "Closings of the third quarter: no objection"}


@pytest.fixture
def auditor(users) -> Client:
    client = Client()
    client.force_login(users["auditor"])
    return client


def test_one_click_on_the_trail_starts_the_verification_and_the_page_shows_how_far_it_is(auditor, trail):
    assert f'action="{LIST}verify-all/"' in auditor.get(LIST).content.decode()

    page = auditor.post(f"{LIST}verify-all/", follow=True)

    assert page.redirect_chain == [(PROOF, 302)]
    assert "data-running" in page.content.decode()
    assert '<progress id="how-far" max="100" value="0">' in page.content.decode()
    assert all_tiles(auditor)[-1][:2] == ("0 %", "being verified as a whole, for auditor")


def test_the_end_stands_on_the_page_and_in_the_banner(auditor, trail):
    auditor.post(f"{LIST}verify-all/")
    while go_on_verifying():
        pass

    page = auditor.get(PROOF).content.decode()

    assert "data-running" not in page
    assert "As it was written" in page
    assert all_tiles(auditor)[2][0::2] == (f"up to seal {AuditSeal.objects.count()}", "good")


def test_findings_are_named_on_the_page(auditor, trail):
    pk = falsify(reason="as agreed")
    auditor.post(f"{LIST}verify-all/")
    while go_on_verifying():
        pass

    assert f"entry {pk}: is not what seal 1 sealed" in auditor.get(PROOF).content.decode()
    assert all_tiles(auditor)[2][0::2] == ("1 finding", "bad")


def test_a_second_click_says_that_it_runs_already(auditor, trail):
    auditor.post(f"{LIST}verify-all/")

    page = auditor.post(f"{LIST}verify-all/", follow=True)

    assert "The trail is being verified already: auditor started it" in messages_of(page)[0]
    assert TrailVerification.objects.count() == 1


def test_a_review_is_stamped_with_its_note_and_stands_in_the_banner(auditor, trail):
    seal = AuditSeal.objects.get(number=3)

    page = auditor.post(PROOF, {"seal": "3"} | NOTE, follow=True)

    assert messages_of(page) == ["The trail has been reviewed up to seal 3."]
    stamp = ReviewStamp.objects.get()
    assert (stamp.seal, stamp.seal_hash, stamp.reviewed_by.username, stamp.note) == (
        3, seal.hash, "auditor", NOTE["note"],
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="AUDIT_TRAIL_REVIEWED")
    assert (entry.entity_id, entry.reason, entry.changes) == ("3", NOTE["note"], {"seal_hash": [None, seal.hash]})
    figure, text, _ = all_tiles(auditor)[3]
    assert figure == "up to seal 3"
    assert text.startswith("reviewed by auditor on ")
    assert text.endswith(NOTE["note"])


@pytest.mark.parametrize(
    ("given", "field", "refusal"),
    [
        ({"seal": "99"} | NOTE, "seal", "There is no seal 99."),
        ({"seal": "3", "note": " \u200b "}, "note", "This field is required."),
        ({"seal": "x"} | NOTE, "seal", "Must be a whole number in digits alone, such as 1200, not 'x'."),
        ({"seal": "0"} | NOTE, "seal", "Ensure this value is greater than or equal to 1."),
    ],
)
def test_what_is_refused_stands_beside_its_field(auditor, trail, given, field, refusal):
    page = auditor.post(PROOF, given)

    assert page.context_data["form"].errors[field] == [refusal]
    assert not ReviewStamp.objects.exists()


def test_a_seal_that_does_not_verify_is_not_stamped(auditor, trail):
    pk = falsify(reason="as agreed")

    page = auditor.post(PROOF, {"seal": "1"} | NOTE)

    assert page.status_code == 200, "it was stamped"
    (refusal,) = page.context_data["form"].errors["seal"]
    assert refusal == f"Seal 1 is not as it was written: entry {pk}: is not what seal 1 sealed."
    assert not ReviewStamp.objects.exists()


def test_the_same_review_again_stores_nothing_more(auditor, trail):
    for _ in range(2):
        auditor.post(PROOF, {"seal": "3"} | NOTE)

    assert ReviewStamp.objects.count() == 1
    assert AuditEntry.objects.filter(action="AUDIT_TRAIL_REVIEWED").count() == 1


def test_who_can_only_insert_claims_no_review(auditor, trail):
    auditor.post(PROOF, {"seal": "2"} | NOTE)
    forged = AuditEntry.objects.get(action="AUDIT_TRAIL_REVIEWED")
    forged.pk, forged.uid, forged._state.adding, forged.entity_id = None, uuid7(), True, "5"
    forged.save()

    assert all_tiles(auditor)[3][0] == "up to seal 2"


@pytest.mark.parametrize("role", ["quality", "procurement"])
def test_others_neither_verify_nor_review(users, role, trail):
    client = Client()
    client.force_login(users[role])

    assert client.post(f"{LIST}verify-all/").status_code == 403
    assert client.post(PROOF, {"seal": "3"} | NOTE).status_code == 403
    assert not ReviewStamp.objects.exists()
    assert not TrailVerification.objects.exists()
