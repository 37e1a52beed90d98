"""Where reads are made, on a real standby: what the writer wrote they read, and the replica is nobody's error."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from audit.services import entry_for, record_all
from conftest import triggers_off
from dev.waiting import wait_until
from kpi.quality import quality_figures
from qhse.api.replica_reads import AS_OF_HEADER
from qhse.periodic import jobs
from qhse.replica import reading
from qhse.replica.asking import LAST_WRITES, OPEN_SECONDS, Copy, Primary, ask_primary
from qhse.replica.breaker import breaker
from qhse.replica.hanging_up import hung_up_after
from qhse.replica.jobs import beat
from qhse.replica.metrics import CUT_OFF
from qhse.replica.models import Beat
from qhse.replica.reading import NOBODY_BEATS, Reader, read, why_not
from qhse.replica.router import PRIMARY, REPLICA
from qhse.replica.tests.reasons import reads, why
from qhse.tests.waiting import frozen
from suppliers.models import Supplier

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
COPY_FIELDS = {field.name for field in fields(Copy)}


def names_in(answer):
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["results"]]


def be_behind(replica):
    """Let the standby lack something, that nobody in particular has written."""
    replica.stop_replaying()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS unrelated (at timestamptz)")
        cursor.execute("DROP TABLE unrelated")


def write_entries(user, number=1):
    with transaction.atomic():
        record_all(
            entry_for(actor=user, action="X", entity_type="supplier", entity_id=n, changes={}) for n in range(number)
        )


def set_back(uid, *, seconds):
    """Let an entry be older than it is, on the primary."""
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_auditentry SET created_at = created_at - %s WHERE uid = %s", [timedelta(seconds=seconds), uid]
        )


@contextmanager
def a_slow_write(user):
    """Let a user's transaction write its entry before the block, and commit after it."""
    written, may_commit = threading.Event(), threading.Event()

    def write():
        try:
            with transaction.atomic():
                record_all([entry_for(actor=user, action="X", entity_type="supplier", entity_id=1, changes={})])
                written.set()
                may_commit.wait(20)
        finally:
            connection.close()

    slow = threading.Thread(target=write)
    slow.start()
    assert written.wait(20)
    yield
    may_commit.set()
    slow.join()


class TestWhyNot:
    """The decision, by itself."""

    PRIMARY = Primary(now=NOW, lsn="0/1", beat="b", beat_at=NOW - timedelta(seconds=1), uids=["u"])
    COPY = Copy(is_in_recovery=True, has_position=True, found=1, follows_until=NOW - timedelta(seconds=1))

    def of(self, *, exact=False, **changes):
        copy = {name: changes.pop(name) for name in COPY_FIELDS & changes.keys()}
        return why_not(replace(self.PRIMARY, **changes), replace(self.COPY, **copy), exact=exact)

    def test_a_copy_that_has_everything_answers(self):
        assert self.of() == self.of(exact=True) == ""

    def test_one_that_is_behind_answers_who_does_not_need_the_last_moment(self):
        assert self.of(has_position=False) == ""
        assert self.of(has_position=False, exact=True) == "behind"

    def test_one_without_the_newest_beat_is_behind_at_any_position(self):
        assert self.of(follows_until=NOW - timedelta(seconds=3)) == ""
        assert self.of(follows_until=NOW - timedelta(seconds=3), exact=True) == "behind"

    def test_one_that_was_promoted_proves_nothing(self):
        assert self.of(is_in_recovery=False) == self.of(is_in_recovery=False, exact=True) == "unproven"

    def test_one_whose_beat_the_primary_does_not_know_proves_nothing(self):
        assert self.of(follows_until=None) == self.of(follows_until=None, exact=True) == "unproven"

    @pytest.mark.parametrize("beat_at", [None, NOW - timedelta(seconds=5.1), NOW + timedelta(seconds=1.1)])
    def test_without_a_young_beat_of_the_primary_none_answers(self, beat_at):
        assert self.of(beat_at=beat_at) == "no_beat"

    def test_one_that_lacks_what_the_caller_wrote_does_not(self):
        assert self.of(found=0) == "own_write"

    def test_a_caller_who_wrote_more_than_is_looked_at_waits_for_everything(self):
        much = [str(n) for n in range(LAST_WRITES)]

        assert self.of(uids=much, found=LAST_WRITES) == ""
        assert self.of(uids=much, found=LAST_WRITES, has_position=False) == "own_write"

    @pytest.mark.parametrize(("age", "reason"), [(5.0, ""), (5.1, "too_old"), (-0.9, ""), (-1.1, "too_old")])
    def test_its_age_is_bounded_and_a_beat_from_the_future_proves_nothing(self, age, reason):
        assert self.of(follows_until=NOW - timedelta(seconds=age)) == reason


class TestWithoutAReplica:
    def test_nothing_is_asked(self, users, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert read(lambda using: using, user=users["auditor"]) == PRIMARY
            assert Reader(users["auditor"], exact=True).as_of is None

    def test_no_worker_beats(self):
        assert "beat" not in jobs


@pytest.mark.postgres
class TestThePlace:
    def test_is_the_replica_and_the_answer_says_until_when_it_knows(self, replica, users, api, make_supplier):
        make_supplier(name="Oberland")
        replica.catch_up()

        answer = api("quality").get("/suppliers")

        assert names_in(answer) == ["Oberland"]
        as_of = datetime.fromisoformat(answer[AS_OF_HEADER])
        assert timedelta(0) <= datetime.now(UTC) - as_of < timedelta(seconds=20)
        assert why(users["quality"]) == (REPLICA, "fresh")

    def test_is_the_primary_within_a_transaction(self, replica, users):
        with transaction.atomic():
            assert why(users["quality"]) == (PRIMARY, "in_transaction")

    def test_is_the_primary_for_nobody_in_particular(self, replica):
        assert read(lambda using: using, user=None) == PRIMARY

    def test_is_the_replica_for_who_has_not_written_though_it_is_behind(self, replica, users):
        be_behind(replica)

        assert why(users["auditor"]) == (REPLICA, "fresh")
        assert why(users["auditor"], exact=True) == (PRIMARY, "behind")

    def test_is_the_primary_when_the_replica_is_older_than_the_bound(self, replica, users, settings):
        Beat.objects.update(at=F("at") - timedelta(seconds=settings.REPLICA_MAX_LAG + 1))
        replica.stop_replaying()
        beat()

        assert why(users["auditor"]) == (PRIMARY, "too_old")

    def test_is_the_primary_for_what_is_exact_until_the_newest_beat_is_there(self, replica, users):
        Beat.objects.update(at=F("at") - timedelta(seconds=10))
        replica.stop_replaying()
        beat()

        assert why(users["auditor"]) == (REPLICA, "fresh")
        assert why(users["auditor"], exact=True) == (PRIMARY, "behind")

    def test_is_the_primary_when_nobody_beats_and_that_is_said_once_a_minute(self, replica, users, caplog, monkeypatch):
        monkeypatch.setattr(reading, "_said_at", -reading.SAID_EACH_SECONDS)
        Beat.objects.all().delete()
        replica.catch_up()

        assert why(users["auditor"]) == why(users["auditor"], exact=True) == (PRIMARY, "no_beat")
        assert [each.getMessage() for each in caplog.records] == [NOBODY_BEATS]

        beat()
        replica.catch_up()
        assert why(users["auditor"]) == (REPLICA, "fresh")


@pytest.mark.postgres
class TestTheBeat:
    def test_comes_once_a_second_from_all_workers_together(self, replica):
        (first,) = Beat.objects.all()

        assert beat() is False
        assert list(Beat.objects.all()) == [first]

    def test_goes_on_after_the_clock_was_set_back(self, replica):
        (first,) = Beat.objects.all()
        Beat.objects.update(at=F("at") + timedelta(days=1))
        beat()

        assert [abs(each.at - first.at) < timedelta(hours=1) for each in Beat.objects.all()] == [True]

    def test_is_kept_for_the_longest_bound_that_any_process_may_have(self, replica):
        (old,) = Beat.objects.all()
        Beat.objects.update(at=F("at") - timedelta(seconds=3_600))
        beat()
        assert old in Beat.objects.all()

        Beat.objects.update(at=F("at") - timedelta(seconds=120))
        beat()
        assert old not in Beat.objects.all()


@pytest.mark.postgres
class TestTheWriter:
    def test_reads_what_they_wrote_and_others_what_has_arrived(self, replica, api):
        writer, other = api("procurement"), api("auditor")
        replica.stop_replaying()

        assert writer.post("/suppliers", {"name": "Oberland"}).status_code == 201

        mine, theirs = writer.get("/suppliers"), other.get("/suppliers")
        assert (names_in(mine), AS_OF_HEADER in mine) == (["Oberland"], False)
        assert (names_in(theirs), AS_OF_HEADER in theirs) == ([], True)

    def test_writes_with_no_statement_more(self, replica, api, settings):
        writer, numbers = api("procurement"), {}
        for settings.REPLICA in (True, False, True):
            with CaptureQueriesContext(connection) as statements:
                assert writer.post("/suppliers", {"name": f"Oberland {len(numbers)}"}).status_code == 201
            numbers[settings.REPLICA] = len(statements)

        assert numbers[True] == numbers[False] > 3

    def test_reads_it_on_the_replica_as_soon_as_it_is_there(self, replica, users, api):
        assert api("procurement").post("/suppliers", {"name": "Oberland"}).status_code == 201
        replica.catch_up()

        assert why(users["procurement"]) == (REPLICA, "fresh")

    def test_waits_a_moment_for_a_replica_that_is_just_behind(self, replica, users, monkeypatch):
        replica.stop_replaying()
        write_entries(users["quality"])
        monkeypatch.setattr(reading, "PAUSES", (0.0,))

        def go_on(seconds):
            replica.ask("SELECT pg_wal_replay_resume()")
            replica.catch_up()

        monkeypatch.setattr(reading, "time", SimpleNamespace(sleep=go_on))

        assert why(users["quality"]) == (REPLICA, "fresh")

    def test_reads_a_write_whose_entry_came_before_one_that_has_arrived(self, replica, users):
        """Ids and times of entries do not come in the order of commits."""
        with a_slow_write(users["quality"]):
            write_entries(users["quality"])
            replica.stop_replaying()

        assert why(users["quality"]) == (PRIMARY, "own_write")

    def test_who_writes_much_reads_a_slow_write_too(self, replica, users):
        with a_slow_write(users["quality"]):
            write_entries(users["quality"], LAST_WRITES)
            replica.stop_replaying()

        assert why(users["quality"]) == (PRIMARY, "own_write")

    @pytest.mark.parametrize("bound", [60.0, 900.0])
    def test_reads_it_for_as_long_as_a_replica_may_be_old(self, replica, users, settings, bound):
        settings.REPLICA_MAX_LAG = bound
        replica.stop_replaying()
        write_entries(users["quality"])
        (uid,) = AuditEntry.objects.filter(actor="quality").values_list("uid", flat=True)
        set_back(uid, seconds=bound + OPEN_SECONDS - 30)

        assert why(users["quality"]) == (PRIMARY, "own_write")

    def test_what_was_written_long_ago_is_not_looked_for(self, replica, users, settings):
        write_entries(users["quality"], 2)
        old, young = AuditEntry.objects.filter(actor="quality").order_by("id").values_list("uid", flat=True)
        set_back(old, seconds=settings.REPLICA_MAX_LAG + OPEN_SECONDS)

        assert ask_primary("quality").uids == [str(young)]

    def test_in_the_admin_reads_what_they_wrote(self, replica, users, client, make_supplier):
        replica.stop_replaying()
        make_supplier(name="Oberland")  # by procurement

        client.force_login(users["procurement"])
        assert "Oberland" in client.get("/admin/suppliers/supplier/").content.decode()
        client.force_login(users["auditor"])
        assert "Oberland" not in client.get("/admin/suppliers/supplier/").content.decode()

    def test_gets_key_figures_that_are_exact_like_everybody(self, replica, api, make_supplier):
        replica.stop_replaying()
        make_supplier()

        assert [api(role).get("/kpi").json()["suppliers_total"] for role in ("quality", "auditor")] == [1, 1]


@pytest.mark.postgres
class TestAReplicaThatFails:
    def cut_offs(self):
        return CUT_OFF._value.get()

    def test_is_nobodys_error_and_is_left_alone_for_a_while(self, replica, api, make_supplier, users):
        make_supplier(name="Oberland")
        replica.catch_up()
        assert why(users["auditor"]) == (REPLICA, "fresh")
        before = self.cut_offs()
        replica.server.stop("immediate")

        assert names_in(api("auditor").get("/suppliers")) == ["Oberland"]
        assert self.cut_offs() == before + 1
        assert why(users["auditor"]) == (PRIMARY, "away")
        assert self.cut_offs() == before + 1  # nobody asked it

        replica.server.start()
        beat()
        breaker.close()
        wait_until(lambda: why(users["auditor"]) == (REPLICA, "fresh"), what="the replica to be read again")

    def test_in_the_middle_of_a_read_has_it_made_again_on_the_primary(self, replica, api, monkeypatch):
        places = []

        def figures(*, using, **options):
            places.append(using)
            if using == REPLICA:
                replica.server.stop("immediate")
            return quality_figures(using=using, **options)

        monkeypatch.setattr("kpi.api.quality_views.quality_figures", figures)
        answer = api("auditor").get("/kpi/quality")

        assert (answer.status_code, AS_OF_HEADER in answer) == (200, False), answer.content
        assert places == [REPLICA, PRIMARY]
        assert breaker.is_open()

    def test_knows_no_record_that_has_not_arrived_and_the_primary_does(self, replica, api, make_supplier):
        replica.stop_replaying()
        supplier = make_supplier()

        answer = api("auditor").get("/kpi/quality", {"supplier_id": supplier.pk})

        assert answer.status_code == 200, answer.content

    @pytest.mark.parametrize("error", [OperationalError("conflict with recovery"), ValueError(), LookupError()])
    def test_refuses_nothing(self, replica, users, error):
        def selector(using):
            if using == REPLICA:
                raise error
            return "the primary's"

        assert read(selector, user=users["auditor"]) == "the primary's"
        assert not breaker.is_open()
        assert why(users["auditor"]) == (REPLICA, "fresh")

    def test_lets_the_primary_refuse(self, replica, users):
        def selector(using):
            raise LookupError(using)

        with pytest.raises(LookupError, match=PRIMARY):
            read(selector, user=users["auditor"])

    def test_that_has_stopped_is_given_up(self, replica, users, monkeypatch):
        monkeypatch.setattr("qhse.replica.asking.ANSWER_SECONDS", 0.3)
        assert why(users["auditor"]) == (REPLICA, "fresh")
        with frozen(connections[REPLICA].connection):
            assert why(users["auditor"]) == (PRIMARY, "away")
        assert breaker.is_open()

    def test_that_stops_in_the_middle_of_a_read_is_hung_up_on(self, replica, users, settings, monkeypatch):
        settings.REPLICA_STATEMENT_SECONDS = 0
        monkeypatch.setattr(reading, "HANG_UP_SECONDS", 0.2)
        reader = Reader(users["auditor"])

        def selector(using):
            if using == PRIMARY:
                return "the primary's"
            with frozen(connections[REPLICA].connection):
                return Supplier.objects.using(using).count()

        assert reader.read(selector) == "the primary's"
        assert breaker.is_open()

    def test_that_was_never_migrated_is_no_copy(self, replica, users, monkeypatch):
        connections[REPLICA].close()
        connections[REPLICA].settings_dict["NAME"] = "postgres"

        assert why(users["auditor"]) == (PRIMARY, "away")

    def test_takes_no_writes(self, replica):
        for setting in ("default_transaction_read_only", "statement_timeout"):
            with connections[REPLICA].cursor() as cursor:
                cursor.execute(f"SHOW {setting}")
                assert cursor.fetchone()[0] in ("on", "10s")
        with pytest.raises(DatabaseError):
            Supplier.objects.using(REPLICA).create(name="x")


@pytest.mark.postgres
class TestHangingUp:
    def test_ends_a_wait_that_takes_too_long(self, transactional_db):
        line = psycopg.connect(**connection.get_connection_params())
        session = line.info.backend_pid

        with pytest.raises(psycopg.OperationalError), hung_up_after(line, 0.1):
            line.execute("SELECT pg_sleep(20)")

        with connection.cursor() as cursor:  # the server sleeps on, and nobody could remove its database
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [session])

    def test_leaves_a_line_alone_that_was_quick(self, transactional_db):
        with psycopg.connect(**connection.get_connection_params()) as line:
            with hung_up_after(line, 0.1):
                line.execute("SELECT 1")
            assert line.execute("SELECT pg_sleep(0.2), 1").fetchone()


@pytest.mark.postgres
class TestExports:
    def test_are_read_on_the_replica_and_go_on_without_it(self, replica, api, make_supplier, monkeypatch):
        monkeypatch.setattr("qhse.exporting.exports.PIECE", 2)
        names = [make_supplier().name for _ in range(7)]
        replica.catch_up()
        before = reads()

        answer = api("auditor").get("/suppliers", HTTP_ACCEPT="text/csv")
        pieces = iter(answer.streaming_content)
        first = next(pieces)
        replica.server.stop("immediate")
        text = b"".join([first, *pieces]).decode()

        assert [name for name in names if name in text] == names
        assert reads() - before == {(REPLICA, "fresh"): 1, (PRIMARY, "away"): 1}

    def test_have_what_their_reader_has_just_written_in_all_pieces(self, replica, api, make_supplier, monkeypatch):
        monkeypatch.setattr("qhse.exporting.exports.PIECE", 2)
        replica.stop_replaying()
        names = [make_supplier().name for _ in range(5)]

        answer = api("procurement").get("/suppliers", HTTP_ACCEPT="text/csv")
        text = b"".join(answer.streaming_content).decode()

        assert [name for name in names if name in text] == names
