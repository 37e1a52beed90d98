"""Other roles of the database, with no right or the right to insert, neither stop the trail nor blacken it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from audit.database_role import grant_application_role
from audit.jobs import seal_audit_trail
from audit.models import AuditEntry, AuditSeal, EntryWasSwallowed, SealedEntry
from audit.proof import reading, sealing
from audit.proof.checkpoints import checkpoint_of
from audit.proof.reading import newest_seal
from audit.proof.sealing import Sealer, seal_new_entries
from audit.proof.tests.exports import check, lines_of
from audit.proof.verification import Verification
from qhse.periodic import Job, JobSchedule

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
MANY = 60_000
SEAL_COLUMNS = "number, previous_hash, merkle_root, entry_count, total, horizon, sealed_at, hash, mark"
AUDIT_TABLES = ("audit_auditentry", "audit_auditseal", "audit_sealedentry", "audit_sealingturn")


def findings() -> list[str]:
    return [str(finding) for finding in Verification().run()]


@contextmanager
def role(name: str, *grants: str) -> Iterator[psycopg.Connection]:
    """A session of a role with these rights alone, in a transaction of its own."""
    settings = connection.settings_dict
    name = f"{name}_{settings['NAME']}"  # roles are the server's, on which other processes run tests as well
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{settings['PASSWORD'] or 'unused'}'")
        for grant in grants:
            cursor.execute(f"GRANT {grant} TO {name}")
    line = psycopg.connect(
        dbname=settings["NAME"], user=name, password=settings["PASSWORD"] or "unused", host=settings["HOST"],
        port=settings["PORT"],
    )  # fmt: skip
    try:
        yield line
    finally:
        line.close()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
def nobody(transactional_db) -> Iterator[psycopg.Connection]:
    """A role that may connect, and nothing else."""
    with role("qhse_nobody") as line:
        yield line


@pytest.fixture
def inserter(transactional_db) -> Iterator[psycopg.Connection]:
    """A role that may insert into each table of the trail, and read it."""
    with role("qhse_inserter", f"SELECT, INSERT ON {', '.join(AUDIT_TABLES)}", "USAGE ON ALL SEQUENCES IN SCHEMA public"
              ) as line:  # fmt: skip
        yield line


def fill_places(line: psycopg.Connection, places: str) -> None:
    """Insert MANY places: `places` says which, by `n` from 1."""
    line.execute(
        f"INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest) "
        f"SELECT {places}, '' FROM generate_series(1, {MANY}) AS n"
    )
    line.commit()


def insert_seals(line: psycopg.Connection, numbers: str) -> None:
    line.execute(
        f"INSERT INTO audit_auditseal ({SEAL_COLUMNS}) "
        f"SELECT {numbers}, '', '', 1, 1, now() + interval '999 years', now(), md5(n::text), '' "
        f"FROM generate_series(1, {MANY}) AS n"
    )
    line.commit()


def insert_one_seal(line: psycopg.Connection, number: int) -> None:
    line.execute(
        f"INSERT INTO audit_auditseal ({SEAL_COLUMNS}) "
        "VALUES (%s, '', '', 1, 1, now() + interval '999 years', now(), 'ab', '')", [number],
    )  # fmt: skip


# --- Locks ------------------------------------------------------------------------------------------------------


def test_whoever_holds_every_advisory_lock_that_they_like_stops_nothing(nobody, write):
    for lock in (0x5EA1, 1, 0):
        nobody.execute("SELECT pg_advisory_lock(%s)", [lock])
        nobody.execute("SELECT pg_advisory_lock(0, %s)", [lock])
    write(2)

    assert seal_new_entries().sealed == 2
    assert findings() == []


def test_whoever_may_only_insert_locks_no_turn_and_stops_nothing_with_what_they_may_lock(inserter, write):
    for statement in (
        "SELECT 1 FROM audit_sealingturn FOR KEY SHARE", "LOCK TABLE audit_sealingturn IN SHARE MODE",
        "UPDATE audit_sealingturn SET seal = 7", "DELETE FROM audit_sealingturn",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            inserter.execute(statement)
        inserter.rollback()
    seal_new_entries()  # makes the row
    inserter.execute("INSERT INTO audit_sealingturn (id, seal) VALUES (1, 7) ON CONFLICT DO NOTHING")
    for table in AUDIT_TABLES:
        inserter.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
    write(2)

    assert seal_new_entries().sealed == 2
    assert findings() == []


def test_a_seal_that_somebody_inserts_and_does_not_commit_is_an_error_soon_and_sealing_goes_on_after_it(
    inserter, write, monkeypatch, caplog
):
    """Its number cannot be told from a free one. The pass that meets it fails, and the worker goes on."""
    monkeypatch.setattr(sealing, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr("qhse.periodic.jobs", {"seal": Job("seal", seal_audit_trail, 10.0)})
    insert_one_seal(inserter, 1)
    write(2)

    with pytest.raises(OperationalError, match="lock timeout"):
        seal_new_entries()
    JobSchedule().work("seal")
    assert "job seal failed; it comes round again" in caplog.text

    inserter.rollback()
    assert seal_new_entries().sealed == 2


def test_a_turn_that_is_held_is_a_finding_and_an_error_in_the_log(write, monkeypatch, caplog):
    """By the owner alone: to lock the row takes the right to change it."""
    write()
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr("django.conf.settings.AUDIT_SEAL_INTERVAL", 0)
    seal_new_entries()
    (waiting,) = write()
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], password=settings["PASSWORD"], host=settings["HOST"],
        port=settings["PORT"],
    ) as owner:  # fmt: skip
        owner.execute("SELECT 1 FROM audit_sealingturn FOR UPDATE")

        assert Sealer()().had_no_turn
        assert f"sealing is held up: another session has had the turn since entry {waiting.pk}" in caplog.text
        with pytest.raises(SystemExit) as end:
            call_command("verify_audit_trail")

    assert end.value.code == 1
    last = AuditSeal.objects.get().sealed_at.isoformat()
    (found,) = findings()
    assert found.startswith(f"trail: sealing is held up: nothing was sealed since {last}, 1 entries are not")
    assert found.endswith(f"the oldest is entry {waiting.pk} of {waiting.created_at.isoformat()}")


# --- Rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "places",
    ["10000000 + n, 1 + n, 0", "10000000 + n, 2, n", "10000000 + n, 1, n + 10"],
    ids=["in seals to come", "in the next seal", "in the last seal"],
)
def test_places_in_any_number_stop_no_sealing_and_are_named(inserter, write, small_blocks, places):
    write(3)
    seal_new_entries()
    fill_places(inserter, places)
    write(7)

    assert Sealer()().sealed == 7

    assert SealedEntry.objects.filter(entry_id__lt=10_000_000).count() == 10
    assert findings()
    seal_new_entries()
    write()
    assert Sealer()().sealed == 1


def test_entries_whose_places_were_taken_before_are_named_and_logged(inserter, write, small_blocks, caplog):
    first = write()[0].pk
    seal_new_entries()
    fill_places(inserter, f"{first} + n, 1, 100 + n")
    taken = write(3)

    assert Sealer()().sealed == 0

    assert "somebody has put entries into the list of the sealed ones" in caplog.text
    named = {finding.number for finding in Verification().run() if finding.what == "entry"}
    assert {entry.pk for entry in taken} <= named


@pytest.mark.parametrize("numbers", ["100 + n", "2000000000 + n"], ids=["behind the last one", "far ahead"])
def test_seals_in_any_number_stop_no_sealing_and_no_page(inserter, write, small_blocks, api, numbers):
    write(500)
    while seal_new_entries().sealed:
        pass
    insert_seals(inserter, numbers.replace("100", str(AuditSeal.objects.count())))
    write(2)
    statements = []

    with connection.execute_wrapper(lambda execute, *statement: statements.append(statement) or execute(*statement)):
        assert Sealer()().sealed == 2

    assert len(statements) < 100

    head = newest_seal()
    assert head is not None and head.total == AuditEntry.objects.count()
    answer = api("auditor").get("/audit-log")
    assert (answer.status_code, answer.json()["count"]) == (200, AuditEntry.objects.count())
    part = Verification(newest=50)
    assert any(finding.what == "seal" for finding in part.run())
    assert part.summary.seals <= 50 + reading.MOST_FOREIGN


def test_before_the_first_seal_foreign_ones_cost_a_bounded_look(inserter, write, small_blocks):
    insert_seals(inserter, "n")
    write(2)

    assert newest_seal() is None
    assert Sealer()().sealed == 2


# --- What is kept elsewhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 2_000_000_000])
def test_a_forged_head_is_neither_pinned_nor_in_the_way_of_checkpoints_and_exports(
    inserter, write, small_blocks, tmp_path, number
):
    write(3)
    seal_new_entries()
    insert_one_seal(inserter, number)
    inserter.commit()
    genuine = AuditSeal.objects.get(number=1)
    file = tmp_path / "checkpoints"

    call_command("audit_checkpoint", "--append", str(file))
    assert json.loads(file.read_text()) == checkpoint_of(genuine)

    write(2)
    seal_new_entries()
    call_command("audit_checkpoint", "--append", str(file))
    call_command("export_audit_trail", "--output", str(tmp_path / "export"))
    assert [seal["number"] for seal in lines_of(tmp_path / "export" / "seals.jsonl")] == [1, newest_seal().number]
    assert check(tmp_path / "export", "--checkpoint", str(file))[0] == 0
    assert {finding.number for finding in Verification().run()} == {number}


def test_an_entry_put_into_an_old_seal_is_named_and_the_export_of_the_others_is_good(
    inserter, write, small_blocks, tmp_path
):
    write(3)
    seal_new_entries()
    (waiting,) = write()
    inserter.execute(
        "INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest) VALUES (%s, 1, 100000, '')", [waiting.pk]
    )
    inserter.commit()

    assert findings() == [f"entry {waiting.pk}: is sealed by none: somebody put it into the list of seal 1"]
    with pytest.raises(CommandError, match=f"entry {waiting.pk} is sealed by none") as refusal:
        call_command("export_audit_trail", "--output", str(tmp_path / "export"))
    assert refusal.value.returncode == 1
    assert len(lines_of(tmp_path / "export" / "entries.jsonl")) == 3
    assert check(tmp_path / "export")[0] == 0


def test_a_checkpoint_is_not_taken_of_a_seal_that_was_changed_or_whose_successor_is_gone(write, small_blocks):
    write(3)
    seal_new_entries()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_sealingturn SET seal = 2")

    with pytest.raises(CommandError, match="seal 2 was the last one, and is not there"):
        call_command("audit_checkpoint")
    assert [(finding.what, finding.number) for finding in Verification().run()] == [("seal", 2)]


# --- The owner --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditseal", "audit_sealedentry"])
def test_a_trigger_that_lets_rows_vanish_is_noticed_by_whoever_writes(write, small_blocks, table):
    write(2)
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        cursor.execute(f"CREATE TRIGGER swallow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()")
    try:
        with pytest.raises(EntryWasSwallowed):
            if table == "audit_auditentry":
                write(2)
            seal_new_entries()
        assert f"trail: {table} has a trigger that is not the application's: swallow" in findings()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION swallow CASCADE")
    assert AuditEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("ALTER TABLE audit_auditentry DISABLE TRIGGER audit_refuse_truncate", "audit_refuse_truncate is off"),
        ("ALTER TABLE audit_auditseal ENABLE REPLICA TRIGGER audit_auditseal_refuse_truncate", "replica mode only"),
        ("ALTER TABLE audit_auditentry ENABLE ROW LEVEL SECURITY", "row level security"),
        ("CREATE RULE vanish AS ON INSERT TO audit_auditentry DO INSTEAD NOTHING", "rule vanish"),
        ("DROP TRIGGER audit_sealedentry_refuse_truncate ON audit_sealedentry", "is gone"),
    ],
)
def test_what_an_owner_leaves_weakened_is_named(transactional_db, statement, problem):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        found = findings()
        transaction.set_rollback(True)

    assert len(found) == 1 and found[0].startswith("trail: audit_") and problem in found[0]
    assert findings() == []


def test_the_restricted_role_seals_with_the_turn(write, small_blocks):
    name = "qhse_app_of_a_turn"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name}")
    grant_application_role(name)
    write(2)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {name}")
        assert Sealer()().sealed == 2
        assert findings() == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")
    assert AuditSeal.objects.get().sealed_at - AuditEntry.objects.first().created_at < timedelta(minutes=1)
