"""The private server: it answers, survives its faults, and neither it nor its directory outlives its owner."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dev.postgres.binaries import PostgresUnavailable
from dev.postgres.server import PrivatePostgres
from qhse.database_url import parse_database_url

ROOT = Path(__file__).resolve().parents[3]
LINUX = sys.platform.startswith("linux")

OWNER = """
import sys
from dev.postgres.server import PrivatePostgres
server = PrivatePostgres()
server.start()
print(server.pid, server.directory, flush=True)
sys.stdin.read()
"""


def ends_within(pid_descriptor: int, seconds: float) -> bool:
    """Wait until the process of a pidfd has ended."""
    poller = select.poll()
    poller.register(pid_descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres(durable=True) as running:
        yield running


@pytest.mark.postgres
class TestPrivatePostgres:
    def test_answers_the_url_that_it_names(self, server):
        with psycopg.connect(server.url()) as connection:
            row = connection.execute("SELECT current_user, current_database(), lower('ÄÖ')").fetchone()

        assert row == ("qhse", "qhse", "äö")

    def test_url_means_the_same_to_our_settings(self, server):
        settings = parse_database_url(server.url("other name"))

        assert (settings["HOST"], settings["NAME"]) == (str(server.directory), "other name")

    def test_is_reached_by_nobody_else(self, server):
        with psycopg.connect(server.url()) as connection:
            listens = connection.execute("SHOW listen_addresses").fetchone()

        assert listens == ("",)
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700

    def test_leaves_nothing_behind(self):
        with PrivatePostgres() as server:
            directory, pid = server.directory, server.pid

        assert not directory.exists()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_takes_settings(self):
        with (
            PrivatePostgres(settings={"max_connections": "17"}) as server,
            psycopg.connect(server.url()) as connection,
        ):
            shown = [connection.execute(f"SHOW {name}").fetchone()[0] for name in ("max_connections", "fsync")]

        assert shown == ["17", "off"]

    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_keeps_what_was_committed_over_a_restart(self, server, mode):
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE gauge AS SELECT 4711 AS lot")

        server.restart(mode)

        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT lot FROM gauge").fetchone() == (4711,)

    def test_begins_with_a_copy_of_what_a_stopped_one_had_and_leaves_that_as_it_is(self):
        with PrivatePostgres() as first:
            with psycopg.connect(first.url()) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            first.stop()

            with (
                PrivatePostgres(data=first.directory / "data") as second,
                psycopg.connect(second.url()) as connection,
            ):
                assert connection.execute("TABLE kept").fetchone() == (7,)
                connection.execute("DROP TABLE kept")

            first.start()
            with psycopg.connect(first.url()) as connection:
                assert connection.execute("TABLE kept").fetchone() == (7,)

    def test_says_that_there_is_nothing_to_begin_with(self, tmp_path):
        with pytest.raises(PostgresUnavailable, match="nowhere"), PrivatePostgres(data=tmp_path / "nowhere"):
            pass

    def test_starts_again_after_its_postmaster_was_killed(self, server):
        backend = psycopg.connect(server.url())
        os.kill(server.pid, signal.SIGKILL)

        server.restart()

        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        backend.close()

    def test_leaves_nothing_behind_when_it_cannot_start(self):
        server = PrivatePostgres(settings={"max_connections": "many"})

        with pytest.raises(PostgresUnavailable, match="max_connections") as refusal:
            server.start()

        assert "\n" not in str(refusal.value)
        with pytest.raises(RuntimeError):
            _ = server.directory

    if LINUX:

        def test_may_only_be_started_by_the_main_thread(self):
            raised: list[BaseException] = []

            def start() -> None:
                try:
                    PrivatePostgres().start()
                except RuntimeError as error:
                    raised.append(error)

            thread = threading.Thread(target=start)
            thread.start()
            thread.join(30)

            assert "main thread" in str(raised[0])

        def test_dies_with_a_killed_owner_whose_directory_the_next_start_removes(self):
            owner = subprocess.Popen(
                [sys.executable, "-c", OWNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            with owner:
                pid, directory = owner.stdout.readline().split()
                postmaster = os.pidfd_open(int(pid))
                owner.kill()

            assert ends_within(postmaster, seconds=20)
            os.close(postmaster)
            assert Path(directory).exists()
            with PrivatePostgres():
                assert not Path(directory).exists()


@pytest.mark.postgres
class TestCommandLine:
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dev.postgres.server", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    def test_runs_a_command_with_the_url_and_passes_its_exit_code_on(self):
        code = (
            "import os, psycopg, sys; url = os.environ['OTHER_URL']; print(url); "
            "sys.exit(psycopg.connect(url).execute('SELECT 7').fetchone()[0])"
        )

        done = self.run("--env", "OTHER_URL", "--", sys.executable, "-c", code)

        assert done.returncode == 7, done.stderr
        assert not Path(parse_database_url(done.stdout.strip())["HOST"]).exists()

    def test_says_when_the_command_does_not_exist(self):
        done = self.run("--", "no-such-command")

        assert done.returncode == 127
        assert "no-such-command" in done.stderr

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_passes_signals_on(self, number):
        code = (
            "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(15)); "
            "signal.signal(signal.SIGINT, lambda *_: sys.exit(2)); print('ready', flush=True); signal.pause()"
        )
        command = [sys.executable, "-m", "dev.postgres.server", "--", sys.executable, "-c", code]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)

            assert process.wait(30) == number


class TestWithoutBinaries:
    def test_says_in_one_line_what_is_missing(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PG_BIN", str(tmp_path))

        with pytest.raises(PostgresUnavailable) as refusal:
            PrivatePostgres().start()

        assert str(refusal.value) == f"PG_BIN={tmp_path} does not hold the binaries of PostgreSQL 14+"
