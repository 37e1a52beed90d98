"""What has served its time is removed, what has not stays."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from qhse.accounts.models import FamiliarAddress, LoginCounter, TokenFamily
from qhse.api import pruning
from qhse.api.pruning import FAMILIAR_DAYS, prune_expired
from qhse.repeats.models import IdempotencyRecord

pytestmark = pytest.mark.django_db
MODELS = (IdempotencyRecord, TokenFamily, LoginCounter, FamiliarAddress, Session)


@pytest.fixture
def rows(users, settings):
    """One row of each kind that has served its time, and one that has not for another minute."""
    now, user = timezone.now(), users["quality"]
    for name, spare in (("old", -timedelta(minutes=1)), ("new", timedelta(minutes=1))):
        record = IdempotencyRecord.objects.create(pk=name, user=user, fingerprint="", status=200, body="")
        IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=now - timedelta(days=7) + spare)
        TokenFamily.objects.create(user=user, current=name, expires_at=now + spare)
        begun = now - timedelta(seconds=settings.LOGIN_WINDOW) + spare
        LoginCounter.objects.create(bucket=f"account:{name}", window_started_at=begun)
        used = now - timedelta(days=FAMILIAR_DAYS) + spare
        FamiliarAddress.objects.create(user=user, address=name, last_login_at=used)
        Session.objects.create(session_key=name, session_data="", expire_date=now + spare)


def counts() -> list[int]:
    return [model.objects.count() for model in MODELS]


def test_what_has_served_its_time_goes_and_the_rest_stays(rows):
    assert counts() == [2] * 5

    removed = Counter(dict(prune_expired(keys_older_than_days=7)))

    assert removed == dict.fromkeys(
        ("idempotency keys", "token families", "login counters", "familiar addresses", "sessions"), 1
    )
    assert counts() == [1] * 5
    assert list(prune_expired(keys_older_than_days=7)) == []


def test_a_large_number_goes_in_batches(rows, monkeypatch):
    monkeypatch.setattr(pruning, "PRUNE_BATCH", 2)
    Session.objects.bulk_create(
        Session(session_key=f"old-{n}", session_data="", expire_date=timezone.now() - timedelta(days=1))
        for n in range(4)
    )

    assert [number for what, number in prune_expired(keys_older_than_days=7) if what == "sessions"] == [2, 2, 1]


def test_the_command_says_what_it_removed(rows, capsys):
    call_command("prune_expired")
    assert "1 sessions removed" in capsys.readouterr().out

    call_command("prune_expired")
    assert capsys.readouterr().out == "nothing to remove\n"
