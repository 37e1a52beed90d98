"""Counters of several programs: real servers and workers, which start, end and are killed beside each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.http_client import HttpClient, NoAnswer, is_ready
from dev.processes import ROOT, kept_variables, start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until

COUNT = """
import resource, sys
from qhse.observability import shared_counters
shared_counters.join()
from prometheus_client import Counter
if len(sys.argv) > 3:  # how long a file may be
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
Counter("lots", "Lots looked at", ["gauge"]).labels(sys.argv[1]).inc(int(sys.argv[2]))
print("counted", flush=True)
sys.stdin.read()
"""
READ = """
import json
from qhse.observability.shared_counters import SharedCounters
samples = [sample for metric in SharedCounters().collect() for sample in metric.samples]
print(json.dumps({sample.labels["gauge"]: sample.value for sample in samples}))
"""


class Programs:
    """Programs that count into one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.env = kept_variables() | {
            "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
            "DATABASE_URL": f"sqlite:///{directory}/qhse.sqlite3",
            "QHSE_ENV": "dev",
            "OUTBOX_POLL_INTERVAL": "0.1",
            "GUNICORN_WORKERS": "2",
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **options: int) -> subprocess.Popen[bytes]:
        self.running.append(start_python(command, env=self.env, stderr=subprocess.DEVNULL, **options))
        return self.running[-1]

    def count(self, gauge: str, number: int, *, room: int | None = None) -> subprocess.Popen[bytes]:
        """Start a program that counts, and lives until it is ended. It has `room` bytes for a file."""
        limit = [] if room is None else [str(room)]
        program = self.start("-c", COUNT, gauge, str(number), *limit, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert program.stdout and program.stdout.readline() == b"counted\n"
        return program

    def read(self) -> dict[str, float]:
        answer = subprocess.run([sys.executable, "-c", READ], cwd=ROOT, env=self.env, capture_output=True, check=True)
        counts: dict[str, float] = json.loads(answer.stdout)
        return counts

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, check=True)

    def api(self) -> tuple[subprocess.Popen[bytes], str]:
        """Start an API. Return it with its address, once it is ready."""
        url = f"http://{HOST}:{free_port()}"
        server = self.start(*api_command(int(url.rpartition(":")[2])))
        wait_until(lambda: is_ready(url), seconds=60, what="the API")
        return server, url

    def files(self) -> list[Path]:
        return list((self.directory / "metrics").glob("**/*.db"))

    def directory_of(self, program: subprocess.Popen[bytes]) -> Path:
        (own,) = (self.directory / "metrics").glob(f"{program.pid}-*")
        return own


def end(program: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    program.send_signal(how)
    program.wait(timeout=60)


def figure(url: str, name: str) -> float:
    """Return the sum over all series of this name."""
    text = HttpClient(url).send("GET", "/metrics").content.decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.MULTILINE))


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    started = Programs(tmp_path)
    yield started
    for program in started.running:
        program.kill()
    for program in started.running:
        program.wait()
        for pipe in (program.stdin, program.stdout):
            if pipe:
                pipe.close()


class TestJoining:
    def test_programs_that_live_are_added_up(self, programs: Programs) -> None:
        programs.count("A", 3)
        programs.count("A", 4)
        programs.count("B", 5)

        assert programs.read() == {"A": 7, "B": 5}

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    def test_what_a_program_that_has_ended_counted_stays_while_others_count_on(
        self, programs: Programs, how: signal.Signals
    ) -> None:
        programs.count("A", 3)
        for number in range(3):
            end(programs.count("A", 4), how)
            assert programs.read() == {"A": 3 + 4 * (number + 1)}

        programs.count("B", 1)

        assert programs.read() == {"A": 15, "B": 1}

    def test_the_files_of_those_who_have_ended_do_not_pile_up(self, programs: Programs) -> None:
        programs.count("A", 1)
        for _ in range(4):
            end(programs.count("A", 1))

        programs.count("A", 1)

        assert programs.read() == {"A": 6}
        assert len([each for each in (programs.directory / "metrics").iterdir() if each.is_dir()]) == 2
        assert len(programs.files()) == 3

    def test_who_finds_nobody_alive_begins_at_zero(self, programs: Programs) -> None:
        end(programs.count("A", 3), signal.SIGKILL)
        (programs.directory / "metrics" / "counter_7.db").write_bytes(b"")  # of a version that kept nobody apart

        programs.count("A", 1)

        assert programs.read() == {"A": 1}
        assert len(programs.files()) == 1

    @pytest.mark.parametrize("rubbish", [b"", b"\xff", b"\x00" * 65_536, b"\xff\xff\x00\x00" * 100])
    def test_a_file_in_which_its_process_was_killed_stops_nobody(self, programs: Programs, rubbish: bytes) -> None:
        programs.count("A", 3)
        dead = programs.count("A", 4)
        end(dead, signal.SIGKILL)
        (file,) = programs.directory_of(dead).glob("*.db")
        file.write_bytes(rubbish)

        assert programs.read() == {"A": 3}
        programs.count("A", 1)

        assert programs.read() == {"A": 4}

    @pytest.mark.parametrize("moment", ["before the old past went", "before the new one came", "after that"])
    def test_what_was_being_put_together_when_somebody_was_killed_counts_once(
        self, programs: Programs, moment: str
    ) -> None:
        programs.count("A", 3)
        end(programs.count("A", 4))
        joined = programs.count("A", 5)
        end(joined, signal.SIGKILL)
        past = programs.directory_of(joined) / "past"
        new, old = past.with_suffix(".new"), past.with_suffix(".old")
        shutil.copytree(past, new if moment.startswith("before") else old)
        if moment == "before the new one came":
            past.rename(old)

        assert programs.read() == {"A": 12}
        programs.count("B", 1)

        assert programs.read() == {"A": 12, "B": 1}

    @pytest.mark.parametrize("room", [0, 1000])
    def test_a_full_disk_ends_nobody_who_counts(self, programs: Programs, room: int) -> None:
        programs.count("A", 3)
        full = programs.count("A", 4, room=room)

        assert programs.read() == {"A": 3}
        assert full.poll() is None

    def test_a_directory_that_somebody_has_removed_ends_nobody_who_counts(self, programs: Programs) -> None:
        counting = programs.count("A", 3)
        shutil.rmtree(programs.directory / "metrics")

        assert programs.read() == {}
        assert counting.poll() is None
        programs.count("A", 4)

        assert programs.read() == {"A": 4}

    def test_an_empty_variable_leaves_no_files_where_the_program_was_started(self, programs: Programs) -> None:
        programs.env |= {"PROMETHEUS_MULTIPROC_DIR": "", "PYTHONPATH": str(ROOT)}

        subprocess.run(
            [sys.executable, "-c", COUNT, "A", "3"], cwd=programs.directory, env=programs.env, input=b"", check=True
        )

        assert not list(programs.directory.iterdir())

    def test_a_program_that_another_one_starts_is_a_program_of_its_own(self, programs: Programs) -> None:
        programs.count("A", 3)
        (own,) = (each for each in (programs.directory / "metrics").iterdir() if each.is_dir())
        programs.env["PROMETHEUS_MULTIPROC_DIR"] = str(own)  # what it hands down

        programs.count("A", 4)

        assert programs.read() == {"A": 7}
        assert [each.name for each in own.iterdir() if each.is_dir()] == ["past"]

    def test_a_directory_that_cannot_be_made_is_named(self, programs: Programs) -> None:
        (programs.directory / "file").write_text("not a directory")
        programs.env["PROMETHEUS_MULTIPROC_DIR"] = str(programs.directory / "file" / "metrics")

        for command in (["manage.py", "outbox_status"], api_command(free_port())):
            answer = subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=programs.env, capture_output=True, text=True
            )

            assert answer.returncode != 0
            assert "bad environment: PROMETHEUS_MULTIPROC_DIR" in answer.stderr
            assert "Traceback" not in answer.stderr


class TestServers:
    def test_an_api_that_restarts_beside_a_worker_wipes_nothing(self, programs: Programs) -> None:
        programs.manage("migrate", "--verbosity", "0")
        programs.manage("seed_demo", "--suppliers", "3", "--ncs", "4")
        worker = programs.start("manage.py", "run_outbox_worker")
        server, url = programs.api()
        wait_until(lambda: figure(url, "qhse_outbox_events") == 0, seconds=60, what="an empty outbox")
        processed = figure(url, "qhse_outbox_dispatched_total")
        published = figure(url, "qhse_outbox_published_total")
        requests = figure(url, "qhse_http_requests_total")
        assert processed >= 7 and requests > 0

        end(server)
        server, url = programs.api()

        # At least: a worker's daily jobs publish events of their own when they come to it.
        assert figure(url, "qhse_outbox_dispatched_total") >= processed
        assert figure(url, "qhse_outbox_published_total") >= published
        assert figure(url, "qhse_http_requests_total") > requests

        end(worker, signal.SIGKILL)
        programs.start("manage.py", "run_outbox_worker")
        programs.manage("outbox_status")

        assert figure(url, "qhse_outbox_dispatched_total") >= processed

    def test_a_process_of_the_api_that_is_killed_leaves_its_counts_and_no_files(self, programs: Programs) -> None:
        programs.manage("migrate", "--verbosity", "0")
        programs.env["GUNICORN_WORKERS"] = "1"
        server, url = programs.api()
        for _ in range(5):
            HttpClient(url).send("GET", "/healthz")
        requests = figure(url, "qhse_http_requests_total")
        (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()

        os.kill(int(child), signal.SIGKILL)

        wait_until(
            lambda: not [file for file in programs.files() if file.name.endswith(f"_{child}.db")],
            seconds=60,
            what="the end of its files",
        )
        wait_until(lambda: is_ready(url), seconds=60, what="another process")
        assert figure(url, "qhse_http_requests_total") >= requests

    def test_an_api_that_is_told_to_reload_counts_on(self, programs: Programs) -> None:
        programs.manage("migrate", "--verbosity", "0")
        server, url = programs.api()
        former = children(server)
        for _ in range(5):
            HttpClient(url).send("GET", "/healthz")
        requests = figure(url, "qhse_http_requests_total")

        server.send_signal(signal.SIGHUP)

        wait_until(lambda: len(now := children(server)) == 2 and not now & former, seconds=60, what="new processes")
        assert figure(url, "qhse_http_requests_total") >= requests
        assert not [file for file in programs.files() for pid in former if file.name.endswith(f"_{pid}.db")]

    def test_a_worker_asked_by_itself_tells_what_the_database_knows(self, programs: Programs) -> None:
        programs.manage("migrate", "--verbosity", "0")
        port = free_port()
        programs.env |= {"OUTBOX_METRICS_BIND": f"{HOST}:{port}", "PROMETHEUS_MULTIPROC_DIR": ""}
        programs.start("manage.py", "run_outbox_worker")
        url = f"http://{HOST}:{port}"

        wait_until(lambda: answers(url) and figure(url, "qhse_outbox_workers") == 1, seconds=60, what="a living worker")
        text = HttpClient(url).send("GET", "/metrics").content.decode()

        for name in ("outbox_events", "outbox_oldest_due_seconds", "audit_unsealed_seconds", "outbox_dispatched_total"):
            assert f"\nqhse_{name}" in text


def children(server: subprocess.Popen[bytes]) -> set[str]:
    return set(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split())


def answers(url: str) -> bool:
    try:
        return HttpClient(url).send("GET", "/metrics").status == 200
    except NoAnswer:
        return False
