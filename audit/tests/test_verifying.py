"""The whole trail verified by the workers, piece by piece: what the command finds, over crashes and beside others."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction

from audit import verifying
from audit.errors import VerificationIsRunning
from audit.models import AuditEntry, AuditSeal, SealedEntry, TrailVerification
from audit.proof import pieces
from audit.proof.pieces import PiecewiseVerification
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from audit.services import record
from audit.tests.test_commands import all_of, falsify
from audit.verifying import go_on_verifying, start_verification
from conftest import triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_steps(monkeypatch):
    """A piece is one step, and a step looks at two seals or three entries."""
    monkeypatch.setattr(verifying, "PIECE_SECONDS", 0.0)
    monkeypatch.setattr(pieces, "SEALS_A_STEP", 2)
    monkeypatch.setattr(pieces, "ROWS_A_STEP", 3)


def to_the_end() -> int:
    done = 1
    while go_on_verifying():
        done += 1
    return done


def found() -> set[str]:
    return {
        f"{each['what']} {each['number']}: {each['problem']}" for each in TrailVerification.objects.first().findings
    }


def by_the_command() -> set[str]:
    return {f"{each.what} {each.number}: {each.problem}" for each in Verification().run()}


def test_a_sound_trail_is_verified_in_pieces_and_the_trail_says_by_whom(trail, small_steps, users):
    started = start_verification(actor=users["auditor"])

    assert to_the_end() > 5

    started.refresh_from_db()
    assert (started.state, started.findings_total, started.percent) == ("done", 0, 100)
    assert started.seals == AuditSeal.objects.count()
    assert started.entries == SealedEntry.objects.count()
    entry = AuditEntry.objects.get(action="AUDIT_TRAIL_VERIFIED")
    assert (entry.actor, entry.entity_id) == ("auditor", str(AuditSeal.objects.count()))
    assert entry.changes["findings"] == [None, 0]
    assert entry.changes["seals"] == [None, AuditSeal.objects.count()]


def _forge_place():
    entry = AuditEntry.objects.unsealed().order_by("-pk")[0]
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=entry.pk, seal_id=9_999, position=0, digest=b"0" * 32)])


def _put_in_between():
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=10**6, seal_id=2, position=9_999, digest=b"0" * 32)])


def _remove(model, **which):
    all_of(model, **which)._raw_delete("default")


FALSIFIED = {
    "nothing": lambda: None,
    "a reason of a sealed entry": lambda: falsify(reason="as agreed"),
    "an unsealed entry": lambda: all_of(AuditEntry, pk=AuditEntry.objects.latest("pk").pk).update(reason="as agreed"),
    "a sealed entry removed": lambda: _remove(AuditEntry, pk=SealedEntry.objects.order_by("entry_id")[0].entry_id),
    "the last seal removed": lambda: _remove(AuditSeal, number=AuditSeal.objects.latest("number").pk),
    "a seal in the middle removed": lambda: _remove(AuditSeal, number=2),
    "a place removed": lambda: _remove(SealedEntry, seal_id=2, position=1),
    "a seal's root": lambda: all_of(AuditSeal, number=3).update(merkle_root="0" * 64),
    "a place in a seal that is not there": _forge_place,
    "a place beyond a seal's": _put_in_between,
}


@pytest.mark.parametrize("what", FALSIFIED)
def test_it_finds_what_the_command_finds(trail, small_steps, users, what):
    start_verification(actor=users["auditor"])
    with triggers_off():
        FALSIFIED[what]()

    to_the_end()

    assert found() == by_the_command()
    assert bool(found()) == (what != "nothing")


def test_what_is_sealed_between_two_pieces_is_in_no_gap(trail, small_steps, users, write):
    start_verification(actor=users["auditor"])
    while TrailVerification.objects.get().walk.get("phase") != "uids":
        assert go_on_verifying()
    write(3)
    seal_new_entries()

    to_the_end()

    assert TrailVerification.objects.get().seals == AuditSeal.objects.count()
    assert found() == set()


def test_it_goes_on_where_it_stood(trail, small_steps, users, monkeypatch):
    start_verification(actor=users["auditor"])
    for _ in range(3):
        go_on_verifying()
    stood = TrailVerification.objects.get().walk
    begun = []
    genuine = PiecewiseVerification.standing_at
    monkeypatch.setattr(
        PiecewiseVerification, "standing_at", classmethod(lambda cls, walk: begun.append(walk) or genuine(walk))
    )

    go_on_verifying()

    assert begun == [stood]
    assert stood["link"][0] > 0


def test_who_moves_it_past_what_they_have_changed_makes_it_begin_anew(trail, small_steps, users):
    start_verification(actor=users["auditor"])
    go_on_verifying()
    falsify(reason="as agreed")
    running = TrailVerification.objects.get()
    running.walk |= {"phase": "end"}
    running.save(update_fields=["walk"])

    to_the_end()

    assert any("somebody has changed where the verification stood" in each for each in found())
    assert found() >= by_the_command()


def test_a_piece_that_never_ends_is_given_up_and_that_is_a_finding(trail, users, monkeypatch):
    start_verification(actor=users["auditor"])

    tried = []

    def fail(self, *, seconds):
        tried.append(seconds)
        raise RuntimeError("killed")

    monkeypatch.setattr(PiecewiseVerification, "go_on", fail)
    for _ in range(verifying.MOST_TRIES + 1):
        with suppress(RuntimeError):
            go_on_verifying()

    assert len(tried) == verifying.MOST_TRIES

    given_up = TrailVerification.objects.get()
    assert (given_up.state, given_up.findings_total) == ("stopped", 1)
    assert not go_on_verifying()
    entry = AuditEntry.objects.get(action="AUDIT_TRAIL_PARTLY_VERIFIED")
    assert entry.changes["findings"] == [None, 1]
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_VERIFIED").exists()


def test_one_runs_at_a_time_and_the_second_is_told_who_started_it(trail, users):
    start_verification(actor=users["auditor"])

    with pytest.raises(VerificationIsRunning, match="auditor started it"):
        start_verification(actor=users["admin"])

    assert TrailVerification.objects.count() == 1
    to_the_end()
    start_verification(actor=users["admin"])


def test_without_one_a_worker_asks_once(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert not go_on_verifying()


def test_an_entry_that_waits_for_its_seal_is_no_finding_once_it_has_one(trail, small_steps, users, write, monkeypatch):
    monkeypatch.setattr("audit.proof.verification.held_up_after", lambda: timedelta(days=-1))
    start_verification(actor=users["auditor"])
    while TrailVerification.objects.get().walk.get("phase") != "uids":
        go_on_verifying()
    with transaction.atomic():
        record(actor=None, action="GAUGE_CALIBRATED", entity_type="gauge", entity_id=1, changes={})
    seal_new_entries()

    to_the_end()

    assert found() == set()
