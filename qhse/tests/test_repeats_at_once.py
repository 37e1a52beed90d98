"""The same thing by the same person in several requests at once, where no unique column stands behind it."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from django.db import connection

from audit.models import AuditEntry, ReviewStamp
from audit.proof.sealing import seal_new_entries
from audit.reviewing import stamp_review
from ncs.sampling import draw_sample
from qhse import clock

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

AT_ONCE = 8


def at_once(work):
    """Do this in AT_ONCE threads, and return what each answers."""
    barrier, answers = Barrier(AT_ONCE), []

    def run():
        try:
            connection.ensure_connection()
            barrier.wait(20)
            answers.append(work())
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == AT_ONCE
    return answers


def test_a_review_is_stamped_once(users, make_supplier):
    make_supplier()
    seal_new_entries()

    stamps = at_once(lambda: stamp_review(seal=1, note="Read, nothing found.", actor=users["auditor"]))

    assert len({stamp.pk for stamp in stamps}) == ReviewStamp.objects.count() == 1
    assert AuditEntry.objects.filter(action="AUDIT_TRAIL_REVIEWED").count() == 1


def test_a_sample_is_recorded_once(users):
    today = clock.today()

    at_once(lambda: draw_sample(first=today, last=today, seed="1848", actor=users["auditor"]))

    assert AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").count() == 1
