"""The job that starts the program of the imports, and ends one that is silent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from dev.waiting import wait_until
from qhse.exchange import jobs
from qhse.exchange.models import ImportJob, ImportMode, ImportStatus
from qhse.exchange.running import ROWS_AT_ONCE
from qhse.exchange.tests.conftest import suppliers_csv
from suppliers.models import Supplier


@pytest.mark.django_db
class TestStart:
    @pytest.fixture
    def started_programs(self, monkeypatch):
        programs = []

        class Program:
            ended = None

            def __init__(self, command, **options):
                programs.append(self)

            def poll(self):
                return self.ended

            def kill(self): ...

        monkeypatch.setattr(jobs, "_running", [])
        # Not of the module itself: the file of the import is read by another program.
        monkeypatch.setattr(jobs, "subprocess", SimpleNamespace(Popen=Program, DEVNULL=subprocess.DEVNULL))
        return programs

    def test_starts_one_program_while_an_import_waits_and_none_without(self, started, started_programs):
        jobs.start_imports()
        assert started_programs == []

        started()
        jobs.start_imports()
        jobs.start_imports()
        assert len(started_programs) == 1

    def test_starts_another_one_when_the_first_has_ended_before_its_end(self, started, started_programs):
        job = started()
        jobs.start_imports()
        started_programs[0].ended = 1

        assert jobs.start_imports() is None  # it looks again soon
        assert len(started_programs) == 1
        ImportJob.objects.filter(pk=job.pk).update(beat_at=Now() - timedelta(seconds=jobs.SILENT_SECONDS + 1))
        jobs.start_imports()
        assert len(started_programs) == 2

    def test_looks_again_soon_while_a_program_runs_which_may_miss_the_next_import(self, started, started_programs):
        assert jobs.start_imports() is False
        started()
        assert jobs.start_imports() is None
        assert jobs.start_imports() is None

    def test_of_several_workers_one_starts_it(self, started, started_programs, monkeypatch):
        started()
        for _ in range(4):
            monkeypatch.setattr(jobs, "_running", [])  # another worker's
            jobs.start_imports()

        assert len(started_programs) == 1

    def test_takes_a_sign_of_a_clock_that_was_ahead_for_none(self, started, started_programs):
        job = started()
        ImportJob.objects.filter(pk=job.pk).update(beat_at=Now() + timedelta(days=1))

        jobs.start_imports()

        job.refresh_from_db()
        assert len(started_programs) == 1
        assert job.beat_at < timezone.now() + timedelta(hours=1)

    def test_leaves_an_import_to_who_gave_a_sign_a_moment_ago(self, started, started_programs):
        ImportJob.objects.filter(pk=started().pk).update(beat_at=Now())

        jobs.start_imports()

        assert started_programs == []


CHILD = """
import os, signal, sys, threading
import django; django.setup()
from django.core.management import call_command
from qhse.exchange import running, signs
from qhse.exchange.management.commands import run_imports
write, seen = running._write_row, []
def stop(job, kind, row):
    seen.append(row)
    done = write(job, kind, row)
    if len(seen) == {at}:
        {how}
    return done
running._write_row = stop
{before}
call_command({command})
"""
STOP = "os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.fixture
def start_child(children, monkeypatch):
    """Let the job start a program that does this in the middle of a piece. Whatever still runs at the end is killed."""
    monkeypatch.setattr(jobs, "_running", [])

    def start(*, how=STOP, before="", command='"run_imports", signs_to={line}'):
        def command_with(line):
            text = CHILD.format(at=ROWS_AT_ONCE + 30, how=how, before=before, command=command.format(line=line))
            return [sys.executable, "-c", text]

        with monkeypatch.context() as patched:
            patched.setattr(jobs, "command_with", command_with)
            jobs.start_imports()
        return jobs._running[0].process

    yield start
    for program in jobs._running:
        program.process.kill()
        program.process.wait()
        os.close(program._signs)


def wait_until_stopped(process):
    wait_until(
        lambda: os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT),
        seconds=60, what="the program to be stopped",
    )  # fmt: skip


def status_of(*imports):
    return [ImportJob.objects.get(pk=each.pk).status for each in imports]


def is_free(job):
    try:
        with transaction.atomic():
            return ImportJob.objects.select_for_update(nowait=True).get(pk=job.pk)
    except DatabaseError:
        return None


def sessions_in_a_transaction():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'qhse-import' AND xact_start IS NOT NULL "
            "AND datname = current_database()"
        )
        return cursor.fetchall()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestAFrozenProgram:
    @pytest.mark.parametrize("mode", ImportMode.values)
    def test_is_ended_and_its_import_and_those_behind_it_are_run_by_the_next(self, started, start_child, mode):
        frozen, number = started(suppliers_csv(ROWS_AT_ONCE + 50), mode=mode), ROWS_AT_ONCE + 50
        child = start_child()
        wait_until_stopped(child)
        behind = started(b"Name\nBehind the frozen one\n")
        jobs.start_imports()
        assert child.poll() is None  # it has given signs since

        jobs._running[0].heard_at -= jobs.SILENT_SECONDS  # as the time would
        jobs.start_imports()

        assert child.poll() == -signal.SIGKILL
        wait_until(lambda: is_free(frozen), what="the locks of the dead")
        ImportJob.objects.filter(pk=frozen.pk).update(beat_at=None)
        wait_until(lambda: jobs.start_imports() is False, seconds=60, every=0.2, what="both imports to have been run")
        assert status_of(frozen, behind) == [ImportStatus.DONE] * 2
        assert Supplier.objects.count() == number + 1

    def test_is_not_ended_while_it_gives_signs(self, started, start_child):
        started(suppliers_csv(ROWS_AT_ONCE + 50))
        child = start_child()
        wait_until_stopped(child)
        jobs._running[0].heard_at -= jobs.SILENT_SECONDS  # of which the pipe knows better

        jobs.start_imports()

        assert child.poll() is None

    def test_lets_go_of_its_rows_by_itself_though_nobody_ends_it(self, started, start_child):
        job = started(suppliers_csv(ROWS_AT_ONCE + 50), mode=ImportMode.GOOD_ROWS)
        wait_until_stopped(start_child(before="run_imports.IDLE_SECONDS = 1"))

        wait_until(lambda: is_free(job), what="the locks of the frozen one")

        assert Supplier.objects.count() == ROWS_AT_ONCE

    def test_of_a_terminal_lets_go_of_its_rows_too(self, started, start_child, tmp_path):
        started()  # so that the job starts a program
        file = tmp_path / "suppliers.csv"
        file.write_bytes(suppliers_csv(ROWS_AT_ONCE + 50))
        child = start_child(
            before="from qhse.exchange.management.commands import import_records; import_records.IDLE_SECONDS = 1",
            command=f"'import_records', 'suppliers', {str(file)!r}, as_user='procurement'",
        )
        wait_until_stopped(child)

        wait_until(lambda: not sessions_in_a_transaction(), what="the locks of the frozen one")

    def test_that_hangs_without_being_stopped_ends_itself(self, started, start_child):
        job = started(suppliers_csv(ROWS_AT_ONCE + 50), mode=ImportMode.GOOD_ROWS)

        child = start_child(how="threading.Event().wait()", before="signs.WATCHDOG_SECONDS = 3")

        wait_until(lambda: child.poll() is not None, seconds=30, what="the program to end itself")
        assert child.returncode == 1
        assert (status_of(job), Supplier.objects.count()) == ([ImportStatus.RUNNING], ROWS_AT_ONCE)
