"""Workers seal between batches, a bounded piece at a time."""

from __future__ import annotations

from audit.jobs import seal_audit_trail
from audit.models import AuditSeal
from audit.proof import sealing
from audit.proof.verification import Verification


def test_a_pass_is_bounded_and_the_job_asks_to_be_called_again(write, small_blocks, monkeypatch):
    defaults = sealing.seal_new_entries.__wrapped__.__kwdefaults__
    monkeypatch.setattr(sealing.seal_new_entries.__wrapped__, "__kwdefaults__", defaults | {"most_blocks": 2})
    write(12)

    assert [seal_audit_trail(), seal_audit_trail()] == [True, False]
    assert [seal.entry_count for seal in AuditSeal.objects.order_by("number")] == [5, 5, 2]
    assert list(Verification().run()) == []
