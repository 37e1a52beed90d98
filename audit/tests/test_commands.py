"""What operators do with the trail at the command line, and with which exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InternalError, connection, transaction
from django.utils import timezone

from audit.conftest import write_dated
from audit.models import AuditEntry, AuditSeal, SealedEntry, SealingTurn
from audit.proof.sealing import seal_new_entries
from audit.proof.tests.exports import check
from audit.proof.verification import Verification
from conftest import triggers_off
from lab.chaos.falsifying.ways import all_of


def run(name: str, *arguments: str) -> tuple[int, str]:
    """Run a command and return its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def falsify(**values: Any) -> int:
    entry = AuditEntry.objects.order_by("pk")[3]
    with triggers_off():
        all_of(AuditEntry, pk=entry.pk).update(**values)
    return entry.pk


# --- verify_audit_trail -----------------------------------------------------------------------------------------


def test_an_untouched_trail_is_said_to_be_so(trail):
    code, output = run("verify_audit_trail")

    seals = AuditSeal.objects.count()
    assert code == 0
    assert f"entries in {seals} seals, 2 not sealed yet; the last seal is {seals} of " in output
    assert output.endswith("the trail is as it was written\n")


def test_a_changed_entry_is_named(trail):
    pk = falsify(reason="as agreed")

    code, output = run("verify_audit_trail")

    assert code == 1
    assert output.splitlines()[0] == f"entry {pk}: is not what seal 1 sealed"
    assert output.splitlines()[1] == f"1 finding; the first is entry {pk}"
    assert output.endswith("the trail is not as it was written\n")


def test_the_same_in_json(trail):
    assert json.loads(run("verify_audit_trail", "--json")[1])["findings"] == []
    pk = falsify(actor="mallory")

    code, output = run("verify_audit_trail", "--json")

    document = json.loads(output)
    assert code == 1
    assert document["findings"] == [{"what": "entry", "number": pk, "problem": "does not bear its actor's name"}]
    assert document["summary"]["findings"] == 1
    assert document["summary"]["head"]["number"] == AuditSeal.objects.count()


def test_since_believes_what_was_sealed_before(trail):
    falsify(reason="as agreed")
    since = AuditSeal.objects.get(number=3).sealed_at

    assert run("verify_audit_trail", "--since", since.isoformat())[0] == 0
    assert run("verify_audit_trail", "--since", "2020-01-01")[0] == 1


def test_a_cut_end_is_found_by_a_checkpoint_file(trail, tmp_path):
    file = tmp_path / "checkpoints"
    assert run("audit_checkpoint", "--append", str(file))[0] == 0
    assert run("verify_audit_trail", "--checkpoint", str(file))[0] == 0
    last = AuditSeal.objects.order_by("-number")[0]
    with triggers_off():
        for table, column in (("audit_sealedentry", "seal_id"), ("audit_auditseal", "number")):
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", [last.number])

    code, output = run("verify_audit_trail", "--checkpoint", str(file))

    assert code == 1
    assert f"seal {last.number}: is missing; a checkpoint names it" in output


@pytest.mark.parametrize("text", [None, "", "rubbish"])
def test_a_checkpoint_file_that_is_none_is_refused(trail, tmp_path, text):
    file = tmp_path / "checkpoints"
    if text is not None:
        file.write_text(text)

    code, output = run("verify_audit_trail", "--checkpoint", str(file))

    assert (code, str(file) in output) == (2, True)


def test_a_database_that_cannot_be_read_is_no_verdict(trail, monkeypatch):
    def fail(self):
        raise DatabaseError("gone")
        yield

    monkeypatch.setattr(Verification, "run", fail)

    assert run("verify_audit_trail") == (2, "the trail could not be read: gone")


def test_a_result_that_cannot_be_recorded_is_no_accusation(trail, monkeypatch):
    def fail(*arguments, **options):
        raise InternalError("cannot execute INSERT in a read-only transaction")

    monkeypatch.setattr("audit.management.commands.verify_audit_trail.record_verification", fail)

    code, output = run("verify_audit_trail", "--record")

    assert (code, "the result could not be recorded: cannot execute" in output) == (2, True)


# --- accept_late_entries ----------------------------------------------------------------------------------------


@pytest.fixture
def late(trail):
    """Three sealed entries that are dated before what an earlier seal had closed."""
    entries = [write_dated(timezone.now() - timedelta(hours=1)) for _ in range(3)]
    seal_new_entries()
    return [entry.pk for entry in entries]


def test_a_range_of_late_entries_that_ends_before_it_begins_is_refused():
    code, output = run("accept_late_entries", "25-17", "--reason", "The clock was wrong")

    assert code != 0
    assert "write 17-25" in output


@pytest.mark.parametrize("ids", ["1-99999999999999999999999", "1-2000000", "99999999999999999999999", "-5"])
def test_more_entries_than_can_be_accepted_at_once_and_ids_that_cannot_be_are_refused(ids):
    code, output = run("accept_late_entries", ids, "--reason", "The clock was wrong")

    assert code != 0
    assert "at most 100,000 entries at once" in output or ids == "-5"


def test_late_entries_are_accepted_by_id_or_range_with_a_reason(late):
    assert run("verify_audit_trail")[0] == 1
    ids = [str(late[0]), f"{late[1]}-{late[1]}", str(late[2])]

    assert run("accept_late_entries", *ids, "--reason", "The clock was wrong") == (0, "3 late entries accepted\n")

    code, output = run("verify_audit_trail")
    assert (code, "3 late ones accepted" in output) == (0, True)
    assert json.loads(run("verify_audit_trail", "--json")[1])["summary"]["accepted"] == 3


@pytest.mark.parametrize(
    ("ids", "reason"), [(["1"], "so"), (["99999"], "so"), (["1-2000000"], "so"), (["x"], "so"), (["LATE"], "  ")]
)
def test_what_is_not_late_is_not_accepted_nor_anything_without_a_reason(late, ids, reason):
    chosen = [str(late[0]) if pk == "LATE" else pk for pk in ids]

    assert run("accept_late_entries", *chosen, "--reason", reason)[0] == 1
    assert not AuditEntry.objects.filter(entity_type="audit_entry").exists()


# --- audit_checkpoint -------------------------------------------------------------------------------------------


def test_a_checkpoint_is_the_last_seal(trail):
    code, output = run("audit_checkpoint")

    assert (code, json.loads(output)) == (0, trail[0])


def test_a_forged_seal_is_no_checkpoint(trail):
    """It needs no more than the right to insert, and pins nothing of the trail."""
    head = AuditSeal.objects.latest("number")
    head.pk, head._state.adding = 2**31 - 1, True
    head.save(force_insert=True)

    code, output = run("audit_checkpoint")

    assert code == 0, output
    assert json.loads(output) == trail[0]


def test_without_a_seal_there_is_no_checkpoint(db):
    assert run("audit_checkpoint")[0] == 1


def test_checkpoints_are_appended(trail, write, tmp_path):
    file = tmp_path / "checkpoints"
    run("audit_checkpoint", "--append", str(file))
    seal_new_entries()
    run("audit_checkpoint", "--append", str(file))

    numbers = [json.loads(line)["number"] for line in file.read_text().splitlines()]
    assert numbers == [AuditSeal.objects.count() - 1, AuditSeal.objects.count()]


def test_nothing_is_appended_to_checkpoints_that_the_trail_contradicts(trail, tmp_path):
    file = tmp_path / "checkpoints"
    file.write_text(text := json.dumps(trail[0] | {"hash": "0" * 64}) + "\n")

    code, output = run("audit_checkpoint", "--append", str(file))

    assert (code, "was written anew" in output, file.read_text()) == (1, True, text)


def test_a_file_of_something_else_is_left_alone(trail, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("secret")

    assert run("audit_checkpoint", "--append", str(file))[0] == 2
    assert file.read_text() == "secret"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_file_that_windows_has_saved_is_read_and_appended_to_in_its_encoding(trail, tmp_path, encoding):
    file = tmp_path / "checkpoints"
    text = f"{json.dumps(trail[0])}\r\n"
    file.write_bytes(text.encode(encoding) if encoding == "utf-8-sig" else f"\ufeff{text}".encode(encoding))

    assert run("audit_checkpoint", "--append", str(file))[0] == 0
    assert run("verify_audit_trail", "--checkpoint", str(file))[0] == 0
    assert len(file.read_bytes().decode(encoding).lstrip("\ufeff").splitlines()) == 2


# --- A restore --------------------------------------------------------------------------------------------------


@pytest.fixture
def restored(trail, write, tmp_path):
    """A file with a checkpoint of a seal that a restore of an older backup has lost."""
    file = tmp_path / "checkpoints"
    run("audit_checkpoint", "--append", str(file))
    write(2)
    seal_new_entries()
    run("audit_checkpoint", "--append", str(file))
    last = AuditSeal.objects.latest("number").number
    places = SealedEntry.objects.filter(seal_id=last).values_list("entry_id", flat=True)
    with triggers_off():
        all_of(AuditEntry, pk__in=list(places))._raw_delete("default")
        all_of(SealedEntry, seal_id=last)._raw_delete("default")
        all_of(AuditSeal, number=last)._raw_delete("default")
        SealingTurn.objects.update(seal=last - 1)
    write(1)
    seal_new_entries()  # workers run already when somebody notices
    return file


def test_what_a_restore_lost_is_an_alarm_until_somebody_says_that_it_was_one(restored, write):
    lost = json.loads(restored.read_text().splitlines()[-1])
    assert run("audit_checkpoint", "--append", str(restored))[0] == 1
    assert run("verify_audit_trail", "--checkpoint", str(restored))[0] == 1

    code, output = run("audit_checkpoint", "--append", str(restored), "--restored", "disk of db1 died, INC-90")

    assert (code, json.loads(output)["lost"]) == (0, [{"number": lost["number"], "hash": lost["hash"]}])
    entry = AuditEntry.objects.get(action="AUDIT_TRAIL_RESTORED")
    assert (entry.reason, entry.changes["lost"]) == (
        "disk of db1 died, INC-90", [None, [[lost["number"], lost["hash"]]]],
    )  # fmt: skip
    for _ in range(2):  # checkpoints and the daily job go on, and the gap stays visible
        write(2)
        seal_new_entries()
        assert run("audit_checkpoint", "--append", str(restored))[0] == 0
        code, output = run("verify_audit_trail", "--checkpoint", str(restored))
        assert (code, f"lost the trail's end up to seal {lost['number']}" in output) == (0, True)
        assert "reason: disk of db1 died, INC-90" in run("verify_audit_trail")[1]
    assert json.loads(run("verify_audit_trail", "--json")[1])["summary"]["restores"]


def test_an_export_after_a_restore_is_good_by_the_file_that_names_what_was_lost(restored, tmp_path):
    run("audit_checkpoint", "--append", str(restored), "--restored", "disk of db1 died")
    assert run("export_audit_trail", "--output", str(tmp_path / "export"))[0] == 0

    code, output = check(tmp_path / "export", "--checkpoint", str(restored))

    assert (code, "NOT compared: 1 checkpoints" in output) == (0, True)


def test_a_seal_that_is_lost_later_is_an_alarm_again(restored, write):
    run("audit_checkpoint", "--append", str(restored), "--restored", "disk of db1 died")
    with restored.open("a") as file:
        file.write(json.dumps({"number": 4711, "hash": "0" * 64}) + "\n")

    assert run("verify_audit_trail", "--checkpoint", str(restored))[0] == 1
    assert run("audit_checkpoint", "--append", str(restored))[0] == 1


@pytest.mark.parametrize("until", ["2026-03-01", "2026-02-28T23:59:59Z"])
def test_an_export_of_a_period_that_ends_before_it_begins_is_refused(tmp_path, until):
    code, output = run(
        "export_audit_trail", "--output", str(tmp_path / "export"), "--since", "2026-03-01", "--until", until
    )  # fmt: skip

    assert (code, "must be later than --since" in output) == (2, True)
    assert not (tmp_path / "export").exists()


def test_a_verification_that_would_look_at_nothing_is_no_good_news(trail):
    code, output = run("verify_audit_trail", "--since", "2199-01-01")

    assert (code, "lies in the future" in output) == (2, True)


def test_only_the_application_can_have_declared_a_restore(restored):
    lost = json.loads(restored.read_text().splitlines()[-1])
    entry = AuditEntry(
        action="AUDIT_TRAIL_RESTORED", entity_type="audit_trail", actor="system", actor_role="system", source="command",
        changes={"lost": [None, [[lost["number"], lost["hash"]]]]}, reason="so",
    )  # fmt: skip
    entry.save()

    assert run("audit_checkpoint", "--append", str(restored))[0] == 1


@pytest.mark.parametrize("options", [["--restored", "so"], ["--append", "FILE", "--restored", "  "]])
def test_a_restore_needs_a_file_and_a_reason(restored, options):
    chosen = [str(restored) if option == "FILE" else option for option in options]

    assert run("audit_checkpoint", *chosen)[0] == 1
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_RESTORED").exists()


def test_nothing_is_declared_lost_that_is_there(trail, tmp_path):
    file = tmp_path / "checkpoints"
    run("audit_checkpoint", "--append", str(file))

    code, output = run("audit_checkpoint", "--append", str(file), "--restored", "to be safe")

    assert (code, "no restore to declare" in output) == (1, True)


def test_a_restore_that_the_file_cannot_hold_is_not_declared_either(restored, monkeypatch):
    before = restored.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    code, output = run("audit_checkpoint", "--append", str(restored), "--restored", "disk of db1 died")

    assert (code, "No space left on device" in output) == (2, True)
    assert restored.read_bytes() == before
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_RESTORED").exists()


def test_a_lost_seal_is_not_called_a_crime_and_the_way_to_declare_a_restore_is_named(restored):
    for command in (("audit_checkpoint", "--append"), ("verify_audit_trail", "--checkpoint")):
        code, output = run(*command, str(restored))

        assert code == 1
        assert "restored from a backup, which audit_checkpoint --restored declares" in output


# --- grant_database_role ----------------------------------------------------------------------------------------


@pytest.fixture
def role(db):
    """A role of PostgreSQL without any rights; it goes with the test's transaction."""
    name = "qhse_app_of_a_test"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN")
    return name


@pytest.fixture
def role_of_the_application(transactional_db, monkeypatch):
    """A role that may do nothing yet, as which the next connection of this process begins."""
    name = "qhse_app_of_a_process"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", f"-c role={name}")
    yield name
    monkeypatch.undo()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_application_runs_with_a_role_that_cannot_change_the_trail(role_of_the_application, make_nc, users, drain):
    assert run("grant_database_role", role_of_the_application)[0] == 0
    assert run("grant_database_role", role_of_the_application)[0] == 0  # after each migrate
    connection.close()

    make_nc(severity="high")
    drain()
    seal_new_entries()

    assert AuditSeal.objects.order_by("-number")[0].horizon is not None
    assert list(Verification().run()) == []
    for statement in (
        "UPDATE audit_auditentry SET reason = 'x'",
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
        "ALTER TABLE audit_auditentry DISABLE TRIGGER ALL",
        "DROP TABLE audit_sealedentry",
        "UPDATE audit_auditseal SET hash = ''",
        "DELETE FROM audit_sealedentry",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql",
        "SET session_replication_role = replica",
    ):
        refused = pytest.raises(DatabaseError, match=r"permission denied|must be owner")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_role_that_is_not_restricted_or_not_there_is_refused(role):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {role} SUPERUSER")

    assert "is not restricted" in run("grant_database_role", role)[1]
    assert "there is no role 'nosuch'" in run("grant_database_role", "nosuch")[1]


def test_sqlite_has_no_roles(db):
    if connection.vendor == "sqlite":
        assert run("grant_database_role", "app") == (1, "SQLite has no roles")
