"""An auditor takes sealed entries away with their proofs: a whole export, which the trail records, or none."""

from __future__ import annotations

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import export as export_module
from audit.proof.sealing import seal_new_entries
from audit.proof.tests.exports import check, lines_of
from conftest import triggers_off


def test_every_sealed_entry_is_in_it_and_no_other(export):
    lines = lines_of(export() / "entries.jsonl")

    places = SealedEntry.objects.order_by("seal_id", "position")
    assert [line["entry"]["id"] for line in lines] == list(places.values_list("entry_id", flat=True))
    assert AuditEntry.objects.unsealed().count() == 3  # two, and the record of the export


def test_the_entries_of_one_record_are_taken_out_with_their_proofs(export):
    directory = export("--entity-type", "gauge", "--entity-id", "3")

    lines = lines_of(directory / "entries.jsonl")
    assert {line["entry"]["entity_id"] for line in lines} == {"3"}
    assert len(lines) == 4
    assert check(directory)[0] == 0


def test_a_period_is_taken_out(export):
    moment = SealedEntry.objects.order_by("entry_id")[9].entry_id
    since = AuditEntry.objects.get(pk=moment).created_at

    directory = export("--since", since.isoformat(), "--until", "2199-01-01")

    expected = SealedEntry.objects.filter(
        entry_id__in=AuditEntry.objects.filter(created_at__gte=since).values("pk")
    ).count()
    assert len(lines_of(directory / "entries.jsonl")) == expected > 0
    assert check(directory)[0] == 0


def test_nothing_found_is_an_export_too(export):
    directory = export("--actor", "nobody")

    code, output = check(directory)
    assert (code, output.splitlines()[-1]) == (0, "everything agrees: 0 entries")


def test_the_trail_records_the_export_and_the_manifest_is_checked_against_it(export):
    directory = export("--actor", "quality")

    recorded = AuditEntry.objects.latest("pk")
    assert recorded.action == "AUDIT_TRAIL_EXPORTED"
    assert recorded.entity_id == hashlib.sha256((directory / "manifest.json").read_bytes()).hexdigest()
    assert recorded.changes == {"filter": [None, {"actor": "quality"}], "entries": [None, 4]}
    assert check(directory, "--sha256", recorded.entity_id)[0] == 0
    code, output = check(directory, "--sha256", "0" * 64)
    assert (code, output.splitlines()[0]) == (1, "the manifest is not the one that was recorded")


def test_entries_sealed_while_it_is_written_are_counted_as_left_out(export, monkeypatch):
    real = export_module._seals_of

    def seal_in_between(chosen, end):
        seal_new_entries()
        return real(chosen, end)

    monkeypatch.setattr(export_module, "_seals_of", seal_in_between)

    manifest = json.loads((export() / "manifest.json").read_text())

    assert (manifest["left_out_because_not_sealed"], AuditEntry.objects.unsealed().count()) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_fails_leaves_no_export(transactional_db, write, tmp_path, monkeypatch):
    write(2)
    seal_new_entries()

    def fail():
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "_commit", fail)
    with pytest.raises(DatabaseError, match="gone"):
        call_command("export_audit_trail", "--output", str(tmp_path / "export"), verbosity=0)

    assert list(tmp_path.iterdir()) == []


def test_an_export_where_there_is_one_already_is_refused(export, tmp_path):
    export()

    with pytest.raises(CommandError, match="exists already"):
        call_command("export_audit_trail", "--output", str(tmp_path / "export"))


def test_a_failed_export_leaves_nothing(export, tmp_path, monkeypatch):
    monkeypatch.setattr("audit.proof.export.entry_document", lambda entry: {}[entry])

    with pytest.raises(KeyError):
        export()

    assert list(tmp_path.iterdir()) == []
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


def test_an_entry_that_cannot_be_read_stops_the_export(export, trail, tmp_path):
    pk = SealedEntry.objects.first().entry_id
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditentry SET created_at = 'infinity' WHERE id = %s", [pk])

    with pytest.raises(CommandError, match="cannot be read"):
        export()

    assert list(tmp_path.iterdir()) == []


def test_an_entity_id_without_its_type_is_refused(export):
    with pytest.raises(CommandError, match="--entity-type"):
        export("--entity-id", "3")


def test_an_exporter_that_seals_in_between_leaves_later_seals_out(export, write, monkeypatch):
    real = AuditSeal.objects.order_by("-number")[0].number
    monkeypatch.setattr("audit.proof.export._lines_of", lambda number, chosen: write(1) and seal_new_entries() and [])

    directory = export()

    assert lines_of(directory / "seals.jsonl")[-1]["number"] == real
