"""Full: the disk of a table is full for a while, then that of the write-ahead log. No event is to blame."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress

import psycopg

from dev.postgres.binaries import PostgresUnavailable
from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.own_server import own_server
from lab.chaos.instruments.readings import store, store_many
from lab.chaos.instruments.small_disk import NoSmallDisk, SmallDisk, small_disk
from lab.gauge import GaugeCounted

SETTLE_SECONDS = 30.0
SOME = "chaos_some"
SOME_AND_OTHERS = "CASE mod(i, 3) WHEN 0 THEN 'some-' ELSE 'other-' END || mod(i, 300)"
TABLES = (SOME, "outbox_processedevent", "chaos_effect", "outbox_outboxevent")
# What the handlers of some gauges write beside their effects, and those of others do not.
MORE_FOR_SOME = f"""
CREATE TABLE {SOME} (more text);
CREATE FUNCTION chaos_write_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {SOME} VALUES (repeat('more', 500));
    RETURN NEW;
END $$;
CREATE TRIGGER chaos_more BEFORE INSERT ON chaos_effect FOR EACH ROW
WHEN (NEW.aggregate_id LIKE 'some-%') EXECUTE FUNCTION chaos_write_more()
"""
LOG_SETTINGS = {"min_wal_size": "32MB", "max_wal_size": "48MB", "wal_recycle": "off"}
LOG_DISK = 96  # megabytes


def run(lab: Laboratory) -> Outcome:
    """Fill each of the disks while workers are busy. Free it, and look what was counted."""
    outcome = Outcome("full")
    try:
        for table in TABLES[:1] if lab.quick else TABLES:
            _full_table(lab, outcome, table)
        _full_log(lab, outcome)
    except NoSmallDisk as lack:
        outcome.not_played = str(lack)
    return outcome


def _full_table(lab: Laboratory, outcome: Outcome, table: str) -> None:
    """This table cannot grow, and all others can."""
    seconds, events = (3.0, 500) if lab.quick else (5.0, 3_000)
    account = Account()
    place = lab.server.directory / "small"
    with small_disk(place, megabytes=16, owner=lab.server.directory.stat().st_uid) as disk:
        with lab.fresh(f"full-{table}") as database:
            database.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            database.execute(MORE_FOR_SOME)
            database.execute(f"ALTER TABLE {table} SET TABLESPACE small")
            for number in range(2):
                lab.worker(f"worker-{number}", "--poll-interval", "0.2")
            store(lab, account, [(f"before-{n}", 1, "") for n in range(50)])
            wait_until(lambda: not database.pending(), seconds=SETTLE_SECONDS, what="the first events")
            store_many(database, account, events, gauge="'g' || mod(i, 100)", position="i")
            disk.fill()
            if table == SOME:
                store_many(database, account, events, gauge=SOME_AND_OTHERS, position="i")
            time.sleep(seconds)
            stopped = database.pending() > 0
            _free_and_judge(outcome, database, account, disk)
            lab.kill_all()
            database.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
        admin = Database(lab.server, "postgres")
        admin.execute("DROP TABLESPACE small")
        admin.close()
    outcome.demand(stopped, f"the full disk of {table} stopped nothing")
    outcome.figures[f"{table}_full"] = seconds


def _full_log(lab: Laboratory, outcome: Outcome) -> None:
    """The server cannot write its log: it panics, and cannot even recover until there is room."""
    events = 2_000 if lab.quick else 20_000
    account = Account()
    with own_server(lab, settings=LOG_SETTINGS) as other:
        place = other.server.directory / "small"
        with small_disk(place, megabytes=LOG_DISK, owner=other.server.directory.stat().st_uid) as disk:
            try:
                _move_log(other, disk)
                with other.fresh("full-log") as database:
                    for number in range(2):
                        other.worker(f"worker-{number}", "--poll-interval", "0.2")
                    store_many(database, account, events, gauge="'g' || mod(i, 100)", position="i", kind=GaugeCounted)
                    disk.fill()
                    panics = _write_until_it_panics(other, database)
                    disk.free()
                    other.server.restart("immediate")
                    _free_and_judge(outcome, database, account, disk)
            finally:
                other.server.stop("immediate")
    outcome.figures |= {"panics": panics}
    outcome.demand(panics > 0, "the full log stopped nothing")


def _move_log(other: Laboratory, disk: SmallDisk) -> None:
    other.server.stop()
    log = other.server.directory / "data" / "pg_wal"
    for path in log.iterdir():
        shutil.move(path, disk.path)
    for path in (disk.path, *disk.path.rglob("*")):
        shutil.chown(path, other.server.directory.stat().st_uid)
    log.rmdir()
    log.symlink_to(disk.path)
    other.server.start()


def _write_until_it_panics(other: Laboratory, database: Database) -> int:
    """Write what nobody needs. Return how often the server's log tells of a panic."""

    def has_panicked() -> int:
        with suppress(psycopg.Error, PostgresUnavailable):
            database.execute("SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 1000000))")
        return (other.server.directory / "server.log").read_text(errors="replace").count("PANIC:")

    return wait_until(has_panicked, seconds=SETTLE_SECONDS, what="the server to panic", every=0.0)


def _free_and_judge(outcome: Outcome, database: Database, account: Account, disk: SmallDisk) -> None:
    disk.free()
    wait_until(lambda: not database.pending(), seconds=SETTLE_SECONDS, what="the rest to be handled")
    outcome.verdict += check(database, account)
    attempts, touched = database.row(
        "SELECT coalesce(sum(attempts), 0)::int, count(*) FILTER (WHERE attempts > 0) FROM outbox_outboxevent"
    )
    outcome.demand(attempts == 0, f"{attempts} attempts were counted on {touched} innocent events")
