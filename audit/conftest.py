"""A small trail with several seals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from audit.models import AuditEntry, AuditSeal
from audit.proof import sealing
from audit.proof.checkpoints import checkpoint_of
from audit.proof.marks import sign
from audit.proof.sealing import seal_new_entries
from audit.services import entry_for, record_all


def write_dated(moment: datetime) -> AuditEntry:
    """Write an entry as the application does when the database's clock shows this moment."""
    with transaction.atomic():
        entry = entry_for(actor=None, action="CLOCK_WAS_SET_BACK", entity_type="gauge", entity_id=1, changes={})
        entry.pk = (AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1_000
        entry.created_at = moment
        sign(entry)
        AuditEntry.objects.bulk_create([entry])
    return entry


@pytest.fixture
def write(db: None) -> Callable[..., list[AuditEntry]]:
    """Write entries about gauges 0, 1, …, by the system or somebody."""

    def write_entries(times: int = 1, *, actor: object = None) -> list[AuditEntry]:
        with transaction.atomic():
            return record_all(
                entry_for(
                    actor=actor, action="GAUGE_CALIBRATED", entity_type="gauge", entity_id=number,
                    changes={"due": ("2026-01", "2027-01")}, reason="Übliche Frist",
                )
                for number in range(times)
            )  # fmt: skip

    return write_entries


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal five entries at a time, and close each time at once."""
    monkeypatch.setattr(sealing, "BLOCK", 5)
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))


@pytest.fixture
def trail(
    users: dict[str, object], write: Callable[..., list[AuditEntry]], small_blocks: None
) -> list[dict[str, object]]:
    """Five seals of up to five entries, and two unsealed entries. Return a checkpoint of the last seal."""
    for actor in (None, users["quality"], None, users["auditor"]):
        write(4, actor=actor)
        seal_new_entries()
    write(2)
    return [checkpoint_of(AuditSeal.objects.order_by("-number")[0])]
