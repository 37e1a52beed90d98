"""Verifications beside each other, on PostgreSQL: one starts, one worker has a piece."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from audit import verifying
from audit.errors import VerificationIsRunning
from audit.models import AuditEntry, AuditSeal, TrailVerification
from audit.proof.pieces import PiecewiseVerification
from audit.verifying import go_on_verifying, start_verification

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def together(*works) -> list[object]:
    """Do these at the same time, each on a connection of its own. Return what they return or raise."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int) -> None:
        try:
            barrier.wait(timeout=20)
            results[place] = works[place]()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def test_of_several_clicks_at_once_one_starts_it(trail, users):
    results = together(*[lambda: start_verification(actor=users["auditor"])] * 4)

    assert TrailVerification.objects.count() == 1
    assert sorted(type(each).__name__ for each in results) == ["TrailVerification", *["VerificationIsRunning"] * 3]
    assert AuditEntry.objects.filter(action="AUDIT_TRAIL_VERIFICATION_STARTED").count() == 1
    assert issubclass(VerificationIsRunning, Exception)


def test_a_worker_passes_over_what_another_one_is_at(trail, users):
    start_verification(actor=users["auditor"])

    with transaction.atomic():
        TrailVerification.objects.select_for_update().get()

        assert together(go_on_verifying) == [False]

    assert TrailVerification.objects.get().walk == {}


def test_workers_at_once_verify_each_seal_once(trail, users, monkeypatch):
    monkeypatch.setattr(verifying, "PIECE_SECONDS", 0.0)
    monkeypatch.setattr("audit.proof.pieces.SEALS_A_STEP", 1)
    start_verification(actor=users["auditor"])

    while TrailVerification.objects.filter(finished_at=None).exists():
        together(go_on_verifying, go_on_verifying, go_on_verifying)

    over = TrailVerification.objects.get()
    assert (over.seals, over.findings_total) == (AuditSeal.objects.count(), 0)
    assert AuditEntry.objects.filter(action="AUDIT_TRAIL_VERIFIED").count() == 1


def test_a_worker_that_is_killed_in_a_piece_leaves_where_it_stood(trail, users, monkeypatch):
    monkeypatch.setattr(verifying, "PIECE_SECONDS", 0.0)
    start_verification(actor=users["auditor"])
    go_on_verifying()
    stood = TrailVerification.objects.get().walk
    genuine = PiecewiseVerification.go_on

    def killed(self, *, seconds):
        genuine(self, seconds=seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(PiecewiseVerification, "go_on", killed)
    with pytest.raises(KeyboardInterrupt):
        go_on_verifying()
    monkeypatch.undo()

    after = TrailVerification.objects.get()
    assert (after.walk, after.tries) == (stood, 1)
    while go_on_verifying():
        pass
    assert TrailVerification.objects.get().findings_total == 0
