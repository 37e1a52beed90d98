"""A worker process does the periodic jobs beside the events, and once more before it ends."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry, AuditSeal
from dev.waiting import wait_until


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_running_worker_seals_what_is_written_beside_it(start_worker, publish_reading):
    start_worker(AUDIT_SEAL_INTERVAL="0.1", OUTBOX_POLL_INTERVAL="60")
    publish_reading()
    wait_until(lambda: AuditSeal.objects.exists(), seconds=60, what="the first seal")

    publish_reading(gauge_id=2)
    wait_until(
        lambda: AuditEntry.objects.count() == 2 and not AuditEntry.objects.unsealed().exists(),
        seconds=60, what="all entries to be sealed",
    )  # fmt: skip


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_drains_leaves_nothing_unsealed(start_worker, publish_reading):
    publish_reading()

    assert start_worker("--drain").wait(60) == 0

    assert AuditEntry.objects.count() == 1
    assert not AuditEntry.objects.unsealed().exists()
