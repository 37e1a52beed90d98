"""An auditor takes sealed entries away with their proofs: a whole export, which the trail records, or none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import export as export_module
from audit.proof.sealing import seal_new_entries
from audit.proof.tests.exports import check, lines_of
from conftest import triggers_off
from qhse.accounts.models import User


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
    directory = export("--actor", "quality", "--until", "2001-01-01")

    code, output = check(directory)
    assert (code, output.splitlines()[-1]) == (0, "everything agrees: 0 entries")


@pytest.mark.parametrize(
    ("name", "mistyped", "others"),
    [
        ("--actor", "nobody", []),
        ("--action", "GAUGE_CALIBRATE", []),
        ("--request-id", "no-such-request", []),
        ("--entity-type", "gage", ["--since", "2001-01-01"]),
        ("--entity-id", "3000", ["--entity-type", "gauge"]),
    ],
)
def test_a_criterion_that_no_entry_ever_fitted_is_refused(export, tmp_path, name, mistyped, others):
    with pytest.raises(CommandError, match=f"^{name}: no entry of the trail has '{mistyped}'") as refusal:
        export(name, mistyped, *others)

    assert refusal.value.returncode == 2
    assert list(tmp_path.iterdir()) == []
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


def test_a_user_who_has_done_nothing_is_exported_as_nothing(export):
    User.objects.create_user("newcomer", role="auditor")

    assert lines_of(export("--actor", "newcomer") / "entries.jsonl") == []


@pytest.mark.parametrize("typed", ["QUALITY", "ｑuality "])
def test_an_actor_is_meant_in_any_form_of_the_name(export, typed):
    directory = export("--actor", typed)

    assert len(lines_of(directory / "entries.jsonl")) == AuditEntry.objects.filter(actor="quality").count() > 0


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
    real = export_module.SealedSelection

    def seal_in_between(chosen, end):
        seal_new_entries()
        return real(chosen, end)

    monkeypatch.setattr(export_module, "SealedSelection", seal_in_between)

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


def test_an_export_is_written_to_a_memory_stick_which_knows_no_modes(export, monkeypatch):
    def refused(path, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)

    assert check(export())[0] == 0


def test_a_failed_export_leaves_nothing(export, tmp_path, monkeypatch):
    monkeypatch.setattr("audit.proof.selection.entry_document", lambda entry: {}[entry])

    with pytest.raises(KeyError):
        export()

    assert list(tmp_path.iterdir()) == []
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


@pytest.mark.parametrize("change", ["created_at = 'infinity'", "reason = 'as agreed'", "actor = 'mallory'"])
def test_what_is_not_as_it_was_written_is_left_out_and_named_and_the_rest_is_proven(export, trail, tmp_path, change):
    place = SealedEntry.objects.order_by("entry_id")[1]
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditentry SET {change} WHERE id = %s", [place.entry_id])

    with pytest.raises(
        CommandError, match=f"entry {place.entry_id} is not what seal {place.seal_id} sealed"
    ) as refusal:
        export()

    assert refusal.value.returncode == 1
    assert check(tmp_path / "export")[0] == 0
    assert len(lines_of(tmp_path / "export" / "entries.jsonl")) == SealedEntry.objects.count() - 1


def test_a_seal_that_was_changed_is_left_out_with_its_entries(export, trail, tmp_path):
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditseal SET merkle_root = hash WHERE number = 2")

    with pytest.raises(CommandError, match="seal 2 is not the application's"):
        export()

    assert 2 not in {line["seal"] for line in lines_of(tmp_path / "export" / "entries.jsonl")}


def test_an_entity_id_without_its_type_is_refused(export):
    with pytest.raises(CommandError, match="--entity-type"):
        export("--entity-id", "3")


def test_an_exporter_that_seals_in_between_leaves_later_seals_out(export, write, monkeypatch):
    real = AuditSeal.objects.order_by("-number")[0].number
    monkeypatch.setattr(
        "audit.proof.selection.SealedSelection._lines_of", lambda self, seal: write(1) and seal_new_entries() and []
    )

    directory = export()

    assert lines_of(directory / "seals.jsonl")[-1]["number"] == real
