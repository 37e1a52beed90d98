"""Counters of several programs: real servers and workers, which start, end and are killed beside each other."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.http_client import HttpClient, is_ready
from dev.processes import ROOT, kept_variables, start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until

COUNT = """
import sys
from prometheus_client import Counter
from qhse.observability import shared_counters
shared_counters.join()
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

    def count(self, gauge: str, number: int) -> subprocess.Popen[bytes]:
        """Start a program that counts, and lives until it is ended."""
        program = self.start("-c", COUNT, gauge, str(number), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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
        (file,) = (each for each in programs.files() if each.parent.name.startswith(f"{dead.pid}-"))
        file.write_bytes(rubbish)

        programs.count("A", 1)

        assert programs.read() == {"A": 4}

    def test_a_program_that_another_one_starts_is_a_program_of_its_own(self, programs: Programs) -> None:
        programs.count("A", 3)
        (own,) = (each for each in (programs.directory / "metrics").iterdir() if each.is_dir())
        programs.env["PROMETHEUS_MULTIPROC_DIR"] = str(own)  # what it hands down

        programs.count("A", 4)

        assert programs.read() == {"A": 7}
        assert not [each for each in own.iterdir() if each.is_dir()]

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

        assert figure(url, "qhse_outbox_dispatched_total") == processed
        assert figure(url, "qhse_outbox_published_total") == published
        assert figure(url, "qhse_http_requests_total") > requests

        end(worker, signal.SIGKILL)
        programs.start("manage.py", "run_outbox_worker")
        programs.manage("outbox_status")

        assert figure(url, "qhse_outbox_dispatched_total") == processed

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
