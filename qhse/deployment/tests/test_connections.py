"""What a process's lines to the database are set to. That is the same whatever the server says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.utils import DatabaseError

from qhse.database_url import parse_database_url
from qhse.deployment import connections as module
from qhse.deployment import poolers
from qhse.deployment.connections import SESSION, UnsafeDatabase, bound_connections, session_statement

HOSTILE = {
    "client_encoding": "LATIN1",
    "timezone": "Asia/Tokyo",
    "datestyle": "German, DMY",
    "intervalstyle": "iso_8601",
    "bytea_output": "escape",
    "extra_float_digits": "-3",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "20",
    "search_path": "pg_catalog",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "row_security": "off",
    "exit_on_error": "on",
    "statement_timeout": "1000",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1000",
    "idle_session_timeout": "1000",
    "jit": "on",
    "tcp_keepalives_idle": "7200",
    "tcp_keepalives_interval": "75",
    "tcp_keepalives_count": "9",
    "tcp_user_timeout": "900000",
}

# Of the settings that a session, a role or a database may have, these categories change speed, logs, memory and disks.
# They do not change what a statement means or whether it is refused. So they stay the operator's.
LEFT_CATEGORIES = (
    "Query Tuning", "Resource Usage", "Reporting and Logging", "Statistics", "Write-Ahead Log", "Developer Options",
    "Replication", "Lock Management", "File Locations", "Preset Options", "Autovacuum", "Customized Options",
    "Vacuuming", "Client Connection Defaults / Shared Library Preloading",
    "Connections and Authentication / Authentication",
)  # fmt: skip
LEFT = {
    "default_transaction_read_only": "the operator's or the provider's stop of all writes, an outage for us",
    "transaction_deferrable": "of a transaction, from its default",
    "transaction_isolation": "of a transaction, from its default",
    "transaction_read_only": "of a transaction, from its default",
    "client_connection_check_interval": "a statement's end is bounded",
    "check_function_bodies": "of CREATE FUNCTION",
    "client_min_messages": "notices are not read",
    "createrole_self_grant": "of CREATE ROLE",
    "default_table_access_method": "where tables lie",
    "default_tablespace": "where tables lie",
    "default_text_search_config": "no text search",
    "default_toast_compression": "how tables lie",
    "dynamic_library_path": "no library of ours",
    "escape_string_warning": "notices are not read",
    "event_triggers": "the operator's",
    "gin_pending_list_limit": "when an index is tidied",
    "icu_validation_level": "of CREATE COLLATION",
    "lc_messages": "messages are for people; constraints are known by name",
    "lc_monetary": "no money type",
    "lc_numeric": "no to_char",
    "lc_time": "no to_char",
    "lo_compat_privileges": "no large objects",
    "quote_all_identifiers": "of generated SQL",
    "restrict_nonsystem_relation_kind": "of pg_dump",
    "synchronize_seqscans": "every list is ordered",
    "temp_tablespaces": "where sorts spill",
    "timezone_abbreviations": "no abbreviations are written",
    "xmlbinary": "no XML",
    "xmloption": "no XML",
}


@pytest.fixture(autouse=True)
def without_bounds(monkeypatch):
    monkeypatch.setattr(module, "_bounds", {})
    monkeypatch.setattr(module._plans, "settings", {}, raising=False)


@contextmanager
def line(**settings_dict) -> Iterator:
    """Open another connection to the test database, as a thread of its own would."""
    copy = connection.copy()
    copy.settings_dict |= settings_dict
    try:
        with copy.cursor():
            yield copy
    finally:
        copy.close()


def settings_of(wrapper, names) -> dict[str, str]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT lower(name), setting FROM pg_settings WHERE lower(name) = ANY (%s)", [list(names)])
        return dict(cursor.fetchall())


def as_it_should_be(**changes: str) -> dict[str, str]:
    on_a_socket = {name: "0" for name in SESSION if name.startswith("tcp_")}
    return SESSION | (on_a_socket if str(connection.settings_dict["HOST"]).startswith("/") else {}) | changes


@contextmanager
def server_says(settings: dict[str, str]) -> Iterator[None]:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        for setting, value in settings.items():
            quoted = value if setting in ("search_path", "datestyle") else f"'{value}'"
            cursor.execute(f"ALTER DATABASE {name} SET {setting} = {quoted}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET ALL")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestWhateverTheServerSays:
    def test_every_setting_that_changes_a_meaning_is_set_or_left_for_a_reason(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT lower(name), category FROM pg_settings WHERE context IN ('user', 'superuser')")
            found = dict(cursor.fetchall())

        undecided = {
            name: category
            for name, category in found.items()
            if not (name in LEFT or name.startswith("vacuum_") or category.startswith(LEFT_CATEGORIES))
        }

        assert set(undecided) - set(SESSION) - {"session_replication_role", "transaction_timeout"} == set()
        assert set(SESSION) <= set(found)
        assert set(HOSTILE) == set(SESSION)

    def test_a_line_is_as_it_should_be(self):
        with server_says(HOSTILE), psycopg.connect(**connection.get_connection_params()) as theirs, line() as ours:
            assert dict(theirs.execute("SELECT lower(name), setting FROM pg_settings").fetchall())["jit"] == "on"
            assert settings_of(ours, SESSION) == as_it_should_be()
            assert ours.connection.info.encoding == "utf-8"

    def test_a_new_word_of_the_server_does_not_reach_a_line_that_is_open(self):
        with line() as ours, connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET default_transaction_isolation = 'serializable'")
            try:
                cursor.execute("SELECT pg_reload_conf()")
                with psycopg.connect(**connection.get_connection_params()) as theirs:
                    while theirs.execute("SHOW default_transaction_isolation").fetchone() == ("read committed",):
                        theirs.rollback()  # the postmaster has not read it yet
                assert settings_of(ours, SESSION) == as_it_should_be()
            finally:
                cursor.execute("ALTER SYSTEM RESET default_transaction_isolation")
                cursor.execute("SELECT pg_reload_conf()")

    def test_triggers_work_where_the_server_says_that_a_session_replicates(self):
        with server_says({"session_replication_role": "replica"}), line() as ours:
            assert settings_of(ours, ["session_replication_role"]) == {"session_replication_role": "origin"}

    def test_who_may_not_switch_triggers_on_again_gets_no_line(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE qhse_line_plain LOGIN PASSWORD 'plain-for-tests'")
        try:
            with (
                server_says({"session_replication_role": "replica"}),
                pytest.raises(UnsafeDatabase, match="session_replication_role=replica"),
                line(USER="qhse_line_plain", PASSWORD="plain-for-tests"),
            ):
                pass
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP ROLE qhse_line_plain")

    def test_the_servers_stop_of_all_writes_is_respected(self):
        with server_says({"default_transaction_read_only": "on"}), line() as ours, ours.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            assert cursor.fetchone() == ("on",)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestALine:
    def test_has_the_bounds_of_its_process(self, monkeypatch):
        bound_connections(statement=10, lock=0.5, idle_in_transaction=15, name="qhse-api")
        bounds = {
            "statement_timeout": "10000", "lock_timeout": "500", "idle_in_transaction_session_timeout": "15000"
        }  # fmt: skip

        with server_says(HOSTILE), line() as ours:
            assert settings_of(ours, SESSION) == as_it_should_be(**bounds)

    def test_has_what_the_operator_gave_before_all_else(self):
        bound_connections(statement=10, lock=0.5, idle_in_transaction=15, name="qhse-api")
        given = parse_database_url("postgres://u@h/d?options=-c%20lock_timeout%3D1min%20--work-mem%3D7MB")["SESSION"]

        with line(SESSION=given) as ours:
            changed = as_it_should_be(
                lock_timeout="60000", statement_timeout="10000", idle_in_transaction_session_timeout="15000"
            )
            assert settings_of(ours, SESSION) == changed
            assert settings_of(ours, ["work_mem"]) == {"work_mem": "7168"}

    def test_sends_nothing_before_it_is_connected_that_poolers_refuse(self):
        known = {"dbname", "user", "password", "host", "port", "client_encoding", "application_name"}
        libpqs_own = {"connect_timeout", "tcp_user_timeout", "sslmode"} | {
            f"keepalives_{part}" for part in ("idle", "interval", "count")
        }
        drivers_own = {"cursor_factory", "context", "prepare_threshold"}

        bound_connections(statement=10, lock=0.5, idle_in_transaction=15, name="qhse-api")

        assert set(connection.get_connection_params()) <= known | libpqs_own | drivers_own

    def test_is_set_in_one_round_trip(self):
        connection.ensure_connection()
        assert ";" not in session_statement(connection)

    def test_leads_to_the_host_of_several_that_takes_writes(self):
        host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or "5432"
        nobody = "/nonexistent" if host.startswith("/") else "127.0.0.1"
        options = connection.settings_dict["OPTIONS"] | {"target_session_attrs": "read-write"}

        with line(HOST=f"{nobody},{host}", PORT=f"1,{port}", OPTIONS=options) as ours:
            assert ours.connection.info.port == int(port)

    @pytest.mark.parametrize("said_by", ["the server", "nobody"])
    @pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
    def test_to_a_database_that_does_not_keep_every_text_is_refused(self, encoding, said_by, monkeypatch):
        """Poolers need not pass on what the server says at the beginning. Then it is asked."""
        copy = connection.copy()
        copy.settings_dict |= {"NAME": "qhse_odd"}
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE qhse_odd ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        if said_by == "nobody":
            monkeypatch.setattr(psycopg.ConnectionInfo, "parameter_status", lambda info, name: None)
        try:
            with pytest.raises(Exception) as refused:
                copy.ensure_connection()
            assert refused.type is UnsafeDatabase and f"encoding is {encoding}" in str(refused.value)
            assert copy.connection is None
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP DATABASE qhse_odd WITH (FORCE)")

    def test_that_cannot_be_set_is_closed(self):
        copy = connection.copy()
        copy.settings_dict |= {"SESSION": {"lock_timeout": "soon"}}

        with pytest.raises(DatabaseError, match="lock_timeout"):
            copy.ensure_connection()

        assert copy.connection is None


@pytest.mark.postgres
class TestAPooler:
    """
    With clients of a server that answers under another process id than it has said, as behind each pooler.

    The scenario `poolers` does it with PgBouncer. Here the second client is made to do nothing, or to wait.
    """

    @pytest.fixture
    def behind_a_pooler(self, db, monkeypatch):
        with line() as ours:
            monkeypatch.setattr(poolers, "_poolers_judged", set())
            monkeypatch.setattr(poolers, "_is_the_server", lambda line: False)
            yield ours

    @pytest.fixture
    def notices_get_lost(self, monkeypatch):
        monkeypatch.setattr(poolers, "ask_within", lambda *question: b"")
        monkeypatch.setattr(poolers, "_POOLER_SECONDS", 0.0)

    def test_that_loses_the_notices_of_an_idle_client_is_refused(self, behind_a_pooler, notices_get_lost, caplog):
        for refusal in (OperationalError, ImproperlyConfigured, UnsafeDatabase):  # for who runs, and for who starts
            with pytest.raises(refusal, match="pool_mode=session"):
                module._demand_own_server(behind_a_pooler)
        assert "pool_mode=session" in caplog.text
        assert poolers._poolers_judged == set()

    def test_that_is_refused_has_heard_no_setting_of_ours(self, behind_a_pooler, notices_get_lost):
        behind_a_pooler.connection.execute("SET lock_timeout = '7s'")
        close, behind_a_pooler.close = behind_a_pooler.close, lambda: None
        try:
            with pytest.raises(UnsafeDatabase):
                module.begin_session(connection=behind_a_pooler)
            assert settings_of(behind_a_pooler, ["lock_timeout"]) == {"lock_timeout": "7000"}
        finally:
            behind_a_pooler.close = close

    def test_that_gives_each_client_a_server_is_fine_and_judged_once(self, behind_a_pooler, monkeypatch):
        module._demand_own_server(behind_a_pooler)
        assert len(poolers._poolers_judged) == 1

        monkeypatch.setattr(poolers, "_keeps_its_server", None)
        module._demand_own_server(behind_a_pooler)

    def test_a_word_of_another_process_that_asks_the_same_proves_nothing(
        self, behind_a_pooler, notices_get_lost, monkeypatch
    ):
        def ask_within(*question):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, 'another')", [poolers._POOLER_CHANNEL])
            return b""

        monkeypatch.setattr(poolers, "ask_within", ask_within)
        with pytest.raises(UnsafeDatabase):
            module._demand_own_server(behind_a_pooler)

    def test_that_serves_this_client_while_another_waits_for_a_server_gives_each_its_own(
        self, behind_a_pooler, monkeypatch
    ):
        behind_a_pooler.connection.execute("SELECT pg_advisory_lock(4711)")
        waits = b"SELECT pg_advisory_lock(4711)"
        monkeypatch.setattr(poolers, "ask_within", lambda _, line, question: line.send_query(waits))
        module._demand_own_server(behind_a_pooler)
        assert len(poolers._poolers_judged) == 1

    def test_where_the_other_client_is_refused_nothing_is_proven(self, behind_a_pooler, monkeypatch):
        """Such as by a standby behind the same pooler. It has its answer, so it waits for no server."""
        ask = poolers.ask_within
        monkeypatch.setattr(poolers, "ask_within", lambda seconds, line, question: ask(seconds, line, b"SELECT 1/0"))
        module._demand_own_server(behind_a_pooler)
        assert poolers._poolers_judged == set()

    def test_where_the_other_client_was_only_slow_nothing_is_proven(self, behind_a_pooler, monkeypatch):
        monkeypatch.setattr(poolers, "ask_within", lambda _, line, question: line.send_query(question))
        monkeypatch.setattr(poolers, "_QUEUE_SECONDS", 10.0)
        module._demand_own_server(behind_a_pooler)
        assert poolers._poolers_judged == set()

    def test_where_a_second_client_gets_no_line_nothing_is_proven(self, behind_a_pooler):
        behind_a_pooler.settings_dict |= {"NAME": "qhse_nowhere"}
        module._demand_own_server(behind_a_pooler)
        assert poolers._poolers_judged == set()


class Wrapper(SimpleNamespace):
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def wrapper(monkeypatch):
    """A connection that is configured and not opened."""
    options = {"application_name": "qhse"}
    one = Wrapper(vendor="postgresql", in_atomic_block=False, settings_dict={"OPTIONS": options})
    monkeypatch.setattr(module, "connections", SimpleNamespace(all=lambda: [one]))
    return one


def bound(wrapper, **options):
    bound_connections(statement=10, lock=0.5, idle_in_transaction=15, name="qhse-api", **options)
    return wrapper.settings_dict["OPTIONS"]


def test_a_bound_holds_for_connections_that_are_opened_after_it(wrapper):
    bound(wrapper)
    assert wrapper.closed == 1


def test_the_name_is_the_processes_unless_the_operator_gave_one(wrapper):
    assert bound(wrapper)["application_name"] == "qhse-api"

    wrapper.settings_dict["OPTIONS"]["application_name"] = "reports"
    assert bound(wrapper)["application_name"] == "reports"


def test_values_beside_statements_are_for_who_asks_for_them(wrapper):
    assert "server_side_binding" not in bound(wrapper)
    assert bound(wrapper, prepared=True)["server_side_binding"] is True


@pytest.mark.parametrize("changes", [{"vendor": "sqlite"}, {"in_atomic_block": True}])
def test_sqlite_and_a_running_transaction_are_left_alone(wrapper, changes):
    vars(wrapper).update(changes)

    assert bound(wrapper) == {"application_name": "qhse"}
    assert (wrapper.closed, module._bounds) == (0, {})


@pytest.mark.postgres
@pytest.mark.django_db
class TestALineThatWasLeftAlone:
    """Django asks before each request whether a line that is kept open is still usable."""

    @staticmethod
    def begin_request(wrapper) -> None:
        wrapper.settings_dict["CONN_HEALTH_CHECKS"] = wrapper.health_check_enabled = True
        wrapper.health_check_done = False

    @staticmethod
    def served_by(wrapper) -> int | None:
        """Return the server's process that answers, or None when none does."""
        try:
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                return cursor.fetchone()[0]
        except OperationalError:
            return None

    @staticmethod
    def asked(wrapper) -> list[bytes]:
        """Return what will be asked on the line that it has now."""
        questions: list[bytes] = []
        execute = wrapper.connection.cursor_factory.execute

        class Listening(wrapper.connection.cursor_factory):
            def execute(self, query, *args, **kwargs):
                questions.append(query)
                return execute(self, query, *args, **kwargs)

        wrapper.connection.cursor_factory = Listening
        return questions

    def test_is_used_without_a_question(self):
        with line() as wrapper:
            questions = self.asked(wrapper)
            for _ in range(3):
                self.begin_request(wrapper)
                with wrapper.cursor() as cursor:
                    cursor.execute("SELECT 42")
            assert [question for question in questions if question == "SELECT 1"] == []
            assert len(questions) == 3

    def test_that_the_server_has_ended_is_replaced_each_time(self):
        with line() as wrapper:
            for _ in range(3):
                pid = wrapper.connection.info.backend_pid
                with connection.cursor() as cursor:
                    # With a time to wait it answers when the other process has ended.
                    cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                    assert cursor.fetchone() == (True,)
                self.begin_request(wrapper)
                assert self.served_by(wrapper) not in (pid, None)

    def test_on_which_something_waits_is_asked_and_kept(self):
        with line() as wrapper:
            pid = wrapper.connection.info.backend_pid
            wrapper.connection.execute("LISTEN left_alone")
            with line() as other, other.cursor() as cursor:
                cursor.execute("NOTIFY left_alone")
            poll = module.select.poll()
            poll.register(wrapper.connection.pgconn.socket, module.select.POLLIN)
            assert poll.poll(5_000)
            questions = self.asked(wrapper)

            self.begin_request(wrapper)
            assert self.served_by(wrapper) == pid
            assert "SELECT 1" in questions

    def test_is_asked_after_an_error(self):
        with line() as wrapper:
            questions = self.asked(wrapper)
            wrapper.errors_occurred = True
            wrapper.close_if_unusable_or_obsolete()
            assert questions == ["SELECT 1"]
