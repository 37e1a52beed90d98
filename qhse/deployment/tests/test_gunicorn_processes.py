"""What the processes of one server have in common: the application in memory, and no line to the database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from dev.http_client import HttpClient, NoAnswer
from dev.processes import start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

SHARED_MIB = 25
"""Measured: 45 when the application is loaded before the fork, 7 when each process loads its own."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def server(log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run gunicorn with two processes on the tests' own database."""
    port = free_port()
    base, mark, options = os.environ["TEST_DATABASE_URL"].partition("?")
    database = f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}{mark}{options}"
    env = os.environ | {
        "QHSE_ENV": "dev", "DATABASE_URL": database, "GUNICORN_WORKERS": "2",
        "LOG_LEVEL": "INFO", "GUNICORN_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    with log.open("wb") as stderr:
        process = start_python(api_command(port), env=env, stderr=stderr)
    url = f"http://{HOST}:{port}"
    try:
        wait_until(lambda: lives(url) and len(children(process.pid)) == 2, what="the server", seconds=60)
        yield process, url
    finally:
        process.terminate()
        process.wait(20)


def lives(url: str) -> bool:
    try:
        return HttpClient(url).send("GET", "/healthz").status == 200
    except NoAnswer:
        return False


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lines() -> int:
    """Return how many sessions processes of the API have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'qhse-api' AND datname = current_database()"
            " AND pid <> pg_backend_pid()"  # a test that loaded the application named this one so
        )
        return int(cursor.fetchone()[0])


def test_what_is_loaded_before_the_fork_keeps_no_line_that_processes_would_share(server):
    _, url = server
    wait_until(lambda: lines() == 0, what="the end of the line that looked at the database", seconds=10)

    HttpClient(url).send("GET", "/readyz")

    assert lines() == 1


def test_after_a_reload_new_processes_log_as_the_former_ones(server, log):
    process, url = server
    former = set(children(process.pid))
    HttpClient(url).send("GET", "/ncs/before")

    process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: len(now := set(children(process.pid))) == 2 and not now & former, what="new processes", seconds=60
    )
    HttpClient(url).send("GET", "/ncs/behind")

    wait_until(lambda: "/ncs/behind" in log.read_text(), what="the line of the later request", seconds=10)
    assert "/ncs/before" in log.read_text()


def test_they_share_the_memory_of_what_the_application_is(server):
    process, _ = server

    for child in children(process.pid):
        rollup = Path(f"/proc/{child}/smaps_rollup").read_text()
        shared = re.search(r"^Shared_Dirty: +(\d+) kB", rollup, re.MULTILINE)
        assert shared and int(shared[1]) / 1024 > SHARED_MIB
