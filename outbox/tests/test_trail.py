"""That entries of the trail have been exported is published, in the transaction of the entry that says so."""

from __future__ import annotations

import hashlib

import pytest
from django.core.management import call_command

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db


def published() -> list[dict]:
    return [event.payload for event in OutboxEvent.objects.filter(event_type="AUDIT_EXPORTED").order_by("id")]


def test_an_export_of_the_trail_publishes_who_what_how_many_and_the_digest(api, make_nc):
    nc = make_nc()

    for path in ("/audit-log?action=NC_CREATED", f"/ncs/{nc.pk}/timeline"):
        content = b"".join(api("auditor").get(path, HTTP_ACCEPT="text/csv"))
        told = {
            "by": "auditor",
            "filter": {"action": "NC_CREATED"} if "?" in path else {},
            "rows": 1,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        assert published()[-1:] == [told]


def test_an_export_of_another_list_publishes_nothing(api, make_nc):
    make_nc()
    b"".join(api("auditor").get("/ncs", HTTP_ACCEPT="text/csv"))

    assert published() == []
    assert AuditEntry.objects.filter(action="LIST_EXPORTED").count() == 1


def test_entry_and_event_are_stored_together_or_not_at_all(api, make_nc, monkeypatch):
    make_nc()

    def fail(*args, **kwargs):
        raise RuntimeError("no event")

    monkeypatch.setattr("outbox.trail.publish", fail)
    with pytest.raises(RuntimeError):
        api("auditor").get("/audit-log", HTTP_ACCEPT="text/csv")

    assert not AuditEntry.objects.filter(action="LIST_EXPORTED").exists()


@pytest.mark.django_db(transaction=True)
def test_an_export_with_proofs_publishes_the_digest_of_its_manifest(users, tmp_path):
    seal_new_entries()

    call_command("export_audit_trail", output=tmp_path / "export")

    manifest = (tmp_path / "export" / "manifest.json").read_bytes()
    assert [(each["by"], each["sha256"]) for each in published()] == [("system", hashlib.sha256(manifest).hexdigest())]
