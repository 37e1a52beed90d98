"""Running imports: all rows or none, or the good ones; repeated, refused, cancelled, killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError, Thread
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.services.fields import due_by
from outbox.models import OutboxEvent
from qhse import clock
from qhse.accounts.services.users import change_user
from qhse.database import SqlState, bound_transaction, sqlstate
from qhse.exchange import running
from qhse.exchange.models import ImportJob, ImportMode, ImportPiece, ImportStatus
from qhse.exchange.running import MOST_STARTS, ROWS_AT_ONCE, run_import, run_waiting
from qhse.exchange.services import cancel_import
from qhse.exchange.tests.conftest import suppliers_csv
from suppliers.models import Supplier

GOOD, ALL = ImportMode.GOOD_ROWS, ImportMode.ALL_OR_NOTHING


def counts(job):
    job.refresh_from_db()
    return job.rows_new, job.rows_changed, job.rows_same, job.rows_refused


def burrs(number):
    """Return a table of so many cases of one supplier."""
    rows = "\n".join(f"Hansa Forge GmbH;low;Burrs on piece {place}" for place in range(number))
    return f"Supplier;Severity;Description\n{rows}".encode()


@pytest.mark.django_db
class TestRun:
    @pytest.mark.parametrize("mode", [GOOD, ALL])
    def test_each_row_has_its_entry_and_event_in_the_name_of_who_started_it(self, started, mode):
        job = started(suppliers_csv(ROWS_AT_ONCE + 5), mode=mode)

        assert run_waiting() == 1

        number = ROWS_AT_ONCE + 5
        assert (counts(job), job.status) == ((number, 0, 0, 0), ImportStatus.DONE)
        entries = AuditEntry.objects.filter(action="SUPPLIER_CREATED", actor="procurement", source="worker")
        assert entries.count() == Supplier.objects.count() == number
        assert OutboxEvent.objects.filter(event_type="SUPPLIER_CREATED").count() == number
        assert AuditEntry.objects.get(action="IMPORT_DONE").changes["rows_new"] == [0, number]
        assert not ImportPiece.objects.exists()

    @pytest.mark.parametrize("mode", [GOOD, ALL])
    def test_all_rows_are_of_one_day_though_midnight_comes_between(
        self, started, users, make_supplier, mode, monkeypatch
    ):
        make_supplier(name="Hansa Forge GmbH")
        before, after = datetime(2026, 11, 27, 23, 59, tzinfo=UTC), datetime(2026, 11, 28, 0, 1, tzinfo=UTC)
        job = started(burrs(ROWS_AT_ONCE + 5), kind="cases", actor=users["quality"], mode=mode)
        ImportJob.objects.filter(pk=job.pk).update(started_at=before)
        monkeypatch.setattr(clock, "present", lambda: after)

        run_waiting()

        assert counts(job)[0] == ROWS_AT_ONCE + 5
        assert set(NonConformity.objects.values_list("due_on", flat=True)) == {due_by("low", before.date())}

    @pytest.mark.parametrize("mode", [GOOD, ALL])
    def test_all_rows_are_of_one_day_though_another_process_ends_what_one_has_begun(
        self, started, users, make_supplier, mode, monkeypatch
    ):
        make_supplier(name="Hansa Forge GmbH")
        # Half an hour past midnight in Berlin, where it is another day than the one that all days are of.
        began = datetime(2026, 11, 28, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        now = began
        job = started(burrs(ROWS_AT_ONCE + 5), kind="cases", actor=users["quality"], mode=mode)
        ImportJob.objects.filter(pk=job.pk).update(started_at=began)
        monkeypatch.setattr(clock, "present", lambda: now)
        write, written = running._write_row, []

        def end_in_the_middle(*given):
            written.append(given)
            if len(written) == ROWS_AT_ONCE + 2:
                raise OperationalError("the line is gone")
            return write(*given)

        monkeypatch.setattr(running, "_write_row", end_in_the_middle)
        with pytest.raises(OperationalError):
            run_import(job.pk)
        now += timedelta(days=1)
        run_import(job.pk)

        assert counts(job)[0] == ROWS_AT_ONCE + 5
        assert set(NonConformity.objects.values_list("due_on", flat=True)) == {due_by("low", date(2026, 11, 27))}

    @pytest.mark.parametrize("mode", [GOOD, ALL])
    def test_the_same_file_again_changes_nothing(self, started, mode):
        started(mode=mode)
        run_waiting()
        events = OutboxEvent.objects.count()

        again = started(mode=mode)
        run_waiting()

        assert (counts(again), OutboxEvent.objects.count()) == ((0, 0, 3, 0), events)

    def test_a_row_that_says_something_else_corrects_its_record_and_an_empty_cell_leaves_it(self, started):
        started(b"Reference;Name;Country\n70;Hansa;DE\n71;Rossi;IT\n")
        run_waiting()

        again = started(b"Reference;Name;Country\n70;Hansa Forge;\n71;Rossi;FR\n")
        run_waiting()

        assert counts(again) == (0, 2, 0, 0)
        assert list(Supplier.objects.order_by("id").values_list("name", "country")) == [
            ("Hansa Forge", "DE"),
            ("Rossi", "FR"),
        ]
        assert AuditEntry.objects.filter(action="SUPPLIER_CORRECTED").first().reason.startswith(f"Import {again.pk}: ")

    def test_good_rows_leave_the_others_and_list_them(self, started):
        job = started(suppliers_csv(5, bad=(1, 3)), mode=GOOD)

        run_waiting()

        assert (counts(job), job.status) == ((3, 0, 0, 2), ImportStatus.DONE)
        assert [each["row"] for each in job.problems] == [3, 5]

    def test_a_row_that_repeats_another_one_is_left_out_and_listed(self, started):
        job = started(b"Name;Country\nHansa;DE\nHANSA;IT\n", mode=GOOD)

        run_waiting()

        assert (counts(job), Supplier.objects.get().country) == ((1, 0, 0, 1), "DE")
        assert [(each["row"], each["code"]) for each in job.problems] == [(3, "repeated_row")]

    def test_what_is_refused_only_when_it_is_written_undoes_all_rows_and_is_listed(self, started, make_supplier):
        job = started(suppliers_csv(3))
        other = make_supplier(name="Taken meanwhile")
        Supplier.objects.filter(pk=make_supplier(name="Firma 1 GmbH").pk).update(merged_into=other)

        run_waiting()

        assert (counts(job), job.status) == ((0, 0, 0, 0), ImportStatus.FAILED)
        assert [(each["row"], each["code"]) for each in job.problems] == [(3, "supplier_is_merged")]
        assert not Supplier.objects.filter(name="Firma 0 GmbH").exists()
        assert AuditEntry.objects.filter(action="IMPORT_FAILED").count() == 1

    def test_who_may_not_import_any_more_imports_nothing(self, started, users):
        job = started()
        change_user(user_id=users["procurement"].pk, actor=users["admin"], changes={"role": "auditor"})

        run_waiting()

        assert (counts(job), job.status) == ((0, 0, 0, 0), ImportStatus.FAILED)
        assert "may not" in job.why

    def test_who_may_not_import_any_more_stops_in_the_middle(self, started, users, monkeypatch):
        job = started(suppliers_csv(ROWS_AT_ONCE + 5), mode=GOOD)
        write, written = running._write_rows, []

        def write_and_leave(*given):
            write(*given)
            written.append(given)
            change_user(user_id=users["procurement"].pk, actor=users["admin"], changes={"is_active": False})

        monkeypatch.setattr(running, "_write_rows", write_and_leave)
        run_waiting()

        assert (counts(job)[0], job.status, len(written)) == (ROWS_AT_ONCE, ImportStatus.FAILED, 1)
        assert "may not import this any more" in job.why

    def test_the_number_of_another_systems_case_corrects_none_of_ours(self, started, make_nc, users):
        nc = make_nc()
        foreign = nc.number.replace(str(nc.created_at.year), "1999")
        row = f"{foreign};{nc.supplier.code};high;Other text"
        job = started(f"Number;Supplier;Severity;Description\n{row}\n;{nc.supplier.code};low;Burrs".encode(),
                      kind="cases", mode=GOOD, actor=users["quality"])  # fmt: skip

        run_waiting()

        assert counts(job) == (1, 0, 0, 1)
        assert set(NonConformity.objects.values_list("description", flat=True)) == {nc.description, "Burrs"}

    def test_a_cancelled_one_is_not_run(self, started, users):
        job = started()
        cancel_import(import_id=job.pk, actor=users["admin"])

        assert (run_import(job.pk), Supplier.objects.count()) == (False, 0)

    def test_one_that_keeps_ending_before_its_end_is_given_up(self, started):
        job = started()
        ImportJob.objects.filter(pk=job.pk).update(tried=MOST_STARTS)

        run_waiting()

        assert counts(job) == (0, 0, 0, 0)
        assert job.status == ImportStatus.FAILED

    def test_volumes_and_cases_are_imported_too_and_recognised(self, started, make_supplier, users):
        make_supplier(name="Hansa Forge GmbH")
        volumes = b"Lieferant;Monat;Liefermenge;Fehlteile\nHansa Forge GmbH;10/2026;12.000;9\n"
        cases = "Fornitore;Gravità;Descrizione;Articolo;Data\nhansa forge gmbh;alta;Foro troppo largo;4711;30/10/2026\n"
        jobs = [
            started(volumes, kind="volumes"),
            started(cases.encode(), kind="cases", actor=users["quality"]),
            started(volumes, kind="volumes"),
            started(cases.encode(), kind="cases", actor=users["quality"]),
        ]

        run_waiting()

        assert [counts(job) for job in jobs] == [(1, 0, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 1, 0)]


@pytest.mark.django_db
@pytest.mark.parametrize("mode", [GOOD, ALL])
def test_after_the_database_went_away_at_a_row_the_next_run_goes_on_and_no_row_is_written_twice(
    started, monkeypatch, mode
):
    job = started(suppliers_csv(ROWS_AT_ONCE + 50), mode=mode)
    write, rows = running._write_row, []

    def fail_once(job, kind, row):
        rows.append(row.number)
        if len(rows) == ROWS_AT_ONCE + 20:
            raise OperationalError("the line is gone")
        return write(job, kind, row)

    monkeypatch.setattr(running, "_write_row", fail_once)
    with pytest.raises(OperationalError):
        run_import(job.pk)

    stored = ROWS_AT_ONCE if mode == GOOD else 0
    assert (counts(job)[0], Supplier.objects.count(), job.status) == (stored, stored, ImportStatus.RUNNING)

    run_import(job.pk)

    assert (counts(job), job.status) == ((ROWS_AT_ONCE + 50, 0, 0, 0), ImportStatus.DONE)
    assert Supplier.objects.count() == ROWS_AT_ONCE + 50


KILLED = """
import os, signal, sys
import django; django.setup()
from qhse.database import SqlState, bound_transaction, sqlstate
from qhse.exchange import running
write, seen = running._write_row, []
def killed(job, kind, row):
    seen.append(row)
    done = write(job, kind, row)
    if len(seen) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
running._write_row = killed
running.run_import(int(sys.argv[1]))
"""


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mode", "at"), [(GOOD, 1), (GOOD, ROWS_AT_ONCE), (GOOD, ROWS_AT_ONCE + 30), (ALL, ROWS_AT_ONCE + 30)]
)
def test_killed_at_a_row_what_its_mode_promises_is_left(started, children, mode, at):
    job = started(suppliers_csv(ROWS_AT_ONCE + 50), mode=mode)

    done = subprocess.run([sys.executable, "-c", KILLED, str(job.pk), str(at)], cwd=settings.BASE_DIR, check=False)

    assert done.returncode == -9
    stored = ROWS_AT_ONCE if (mode, at) == (GOOD, ROWS_AT_ONCE + 30) else 0
    assert (counts(job)[0], Supplier.objects.count(), job.status) == (stored, stored, ImportStatus.RUNNING)
    run_waiting()
    assert (counts(job), job.status) == ((ROWS_AT_ONCE + 50, 0, 0, 0), ImportStatus.DONE)
    assert AuditEntry.objects.filter(action="SUPPLIER_CREATED").count() == ROWS_AT_ONCE + 50
    assert OutboxEvent.objects.filter(event_type="SUPPLIER_CREATED").count() == ROWS_AT_ONCE + 50


def in_parallel(works):
    """Do each of these in a thread of its own, all at once. None may raise."""
    barrier, failures = Barrier(len(works)), []

    def run(work):
        try:
            barrier.wait(10)
            work()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GOOD, ALL])
@pytest.mark.parametrize("known_before", [True, False])
def test_two_imports_of_the_same_cases_at_once_record_each_case_once(
    started, make_supplier, users, mode, known_before, monkeypatch
):
    name = make_supplier().name
    rows = "\n".join(f"{name};low;Lot {number}: burrs" for number in range(120))
    content = f"Supplier;Severity;Description\n{rows}".encode()
    jobs = [started(content, kind="cases", mode=mode, actor=users["quality"]) for _ in range(2)]
    if not known_before:  # a supplier that gets its name only now is not among those that are locked before
        monkeypatch.setattr(running, "_lock", lambda job, rows: None)

    def run(job):
        with suppress(OperationalError):  # it waited too long for the other one, and goes on with the next run
            run_import(job.pk)

    in_parallel([partial(run, job) for job in jobs])
    run_waiting()

    assert NonConformity.objects.count() == Supplier.objects.get().nc_total == 120
    assert sorted(counts(job) for job in jobs) == [(0, 0, 120, 0), (120, 0, 0, 0)] or mode == GOOD


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["suppliers", "volumes", "certificates", "cases"])
@pytest.mark.parametrize("mode", [GOOD, ALL])
def test_two_imports_that_name_suppliers_in_opposite_orders_do_not_wait_for_each_other_in_a_circle(
    started, make_supplier, users, monkeypatch, mode, kind
):
    names = [make_supplier().name for _ in range(2)]
    header, row = {
        "suppliers": ("Name;Country", "{};{country}"),
        "volumes": ("Supplier;Month;Received;Defective", "{};2026-10;90;{number}"),
        "certificates": (
            "Supplier;Standard;Number;Issuer;Valid from;Valid to",
            "{};ISO 9001;{number};TÜV;2026-01-31;2028-12-31",
        ),
        "cases": ("Supplier;Severity;Description", "{};low;Burrs {number}"),
    }[kind]
    jobs = []
    for number, order in enumerate((names, names[::-1]), 1):
        rows = [row.format(name, number=number, country="DE" if number == 1 else "FR") for name in order]
        actor = users["quality" if kind == "cases" else "procurement"]
        jobs.append(started("\n".join([header, *rows]).encode(), kind=kind, mode=mode, actor=actor))
    both, write = Barrier(2), running._write_row

    def after_the_other_one_has_written_too(*args):
        written = write(*args)
        with suppress(BrokenBarrierError):  # the other one waits for our locks, as it should
            both.wait(1)
        return written

    monkeypatch.setattr(running, "_write_row", after_the_other_one_has_written_too)

    in_parallel([partial(run_import, job.pk) for job in jobs])

    assert [counts(job)[2:] for job in jobs] == [(0, 0), (0, 0)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GOOD, ALL])
def test_one_whose_rows_somebody_else_holds_waits_for_the_next_run_and_those_behind_it_do_not(
    started, make_supplier, mode
):
    held = make_supplier(name="Hansa Forge GmbH")
    job, behind = started(b"Name;Country\nHansa Forge GmbH;DE\n", mode=mode), started(mode=mode)
    other = connection.copy()
    try:
        with other.cursor() as cursor, connection.cursor() as ours:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM suppliers_supplier WHERE id = %s FOR UPDATE", [held.pk])
            ours.execute("SET lock_timeout = '100ms'")
            for _ in range(MOST_STARTS + 1):
                run_waiting()
            ours.execute("SET lock_timeout = 0")
    finally:
        other.close()

    assert (counts(job), job.status, counts(behind)) == ((0, 0, 0, 0), ImportStatus.RUNNING, (3, 0, 0, 0))
    assert (run_waiting(), counts(job)) == (1, (0, 1, 0, 0))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", [GOOD, ALL])
def test_several_who_run_one_import_at_once_write_each_row_once(started, mode):
    job = started(suppliers_csv(3 * ROWS_AT_ONCE), mode=mode)

    in_parallel([run_waiting] * 3)
    run_waiting()

    assert (counts(job), Supplier.objects.count()) == ((3 * ROWS_AT_ONCE, 0, 0, 0), 3 * ROWS_AT_ONCE)
    assert AuditEntry.objects.filter(action="IMPORT_DONE").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_of_all_rows_or_none_that_is_cancelled_while_it_runs_stores_nothing_and_shows_how_far_it_was(
    started, users, monkeypatch
):
    job = started(suppliers_csv(3 * ROWS_AT_ONCE))
    seen = []

    def cancel_in_another_connection(rows):
        def cancel():
            job.refresh_from_db()
            seen.append(job.rows_tried)
            cancel_import(import_id=job.pk, actor=users["admin"])
            connection.close()

        thread = Thread(target=cancel)
        thread.start()
        thread.join(30)

    run_import(job.pk, tell=lambda rows: cancel_in_another_connection(rows) if rows == ROWS_AT_ONCE else None)

    job.refresh_from_db()
    assert (job.status, Supplier.objects.count(), seen) == (ImportStatus.CANCELLED, 0, [ROWS_AT_ONCE])


def in_another_connection(work):
    """Do this in a thread, and return when it is done."""
    in_parallel([work])


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("at", "changes"), [(1, {"is_active": False}), (3, {"is_active": False}), (3, {"role": "auditor"})]
)
def test_who_leaves_while_all_rows_or_none_are_written_stores_none(started, users, at, changes):
    job = started(suppliers_csv(3 * ROWS_AT_ONCE))
    leave = partial(change_user, user_id=users["procurement"].pk, actor=users["admin"], changes=changes)
    told = []

    def tell(rows):
        told.append(rows)
        if len(told) == at:
            in_another_connection(leave)

    run_import(job.pk, tell=tell)

    assert (counts(job), job.status, Supplier.objects.count()) == ((0, 0, 0, 0), ImportStatus.FAILED, 0)
    assert "may not import this any more" in job.why
    assert len(told) == at  # it does not hold its locks to the end for nothing


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_who_deactivates_somebody_waits_for_the_commit_of_all_rows_whose_right_has_been_looked_at(
    started, users, monkeypatch
):
    job, end, waited = started(), running._end, []

    def look():
        with pytest.raises(OperationalError) as error, transaction.atomic():
            bound_transaction(lock=0.05, statement=5)
            change_user(user_id=users["procurement"].pk, actor=users["admin"], changes={"is_active": False})
        waited.append(sqlstate(error.value))

    def look_and_end(*given, **more):
        in_another_connection(look)
        end(*given, **more)

    monkeypatch.setattr(running, "_end", look_and_end)

    run_import(job.pk)

    assert (waited, counts(job)) == ([SqlState.LOCK_NOT_AVAILABLE], (3, 0, 0, 0))
