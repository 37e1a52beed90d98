"""A command that is ended in the middle takes back what it has begun, here and in the database."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from dev.processes import ROOT, kept_variables
from dev.waiting import wait_until
from outbox.tests.gauges import database_url
from qhse.tests.waiting import signals_as_usual

ENDINGS = {signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP", signal.SIGINT: "interrupted"}


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An export that has begun its draft, and waits for a lock of ours."""
    command = [sys.executable, "manage.py", "export_records", "suppliers", "--output", str(tmp_path / "list.csv")]
    program = None
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as line:
        line.execute("LOCK TABLE suppliers_supplier IN ACCESS EXCLUSIVE MODE")
        try:
            with signals_as_usual():
                program = subprocess.Popen(
                    command, cwd=ROOT, env=kept_variables() | {"QHSE_ENV": "test", "TEST_DATABASE_URL": database_url()},
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )  # fmt: skip
            wait_until(waiting_statements, seconds=60, what="the export to wait")
            assert list(tmp_path.iterdir()), "it has no draft, so this test tests nothing"
            yield program
        finally:
            if program is not None:
                program.kill()
                program.communicate()


def waiting_statements() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        (number,) = cursor.fetchone()
    return int(number)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", ENDINGS)
def test_a_command_that_is_ended_leaves_neither_a_draft_nor_a_statement(hanging, tmp_path, number):
    hanging.send_signal(number)

    assert hanging.wait(30) == 128 + number
    assert hanging.stderr.read() == f"qhse: {ENDINGS[number]}\n".encode()
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not waiting_statements(), seconds=10, what="its statement to end")


def test_a_closed_terminal_ends_nothing_under_nohup():
    code = "import signal; from qhse.terminal import call_at_the_end, forgiving_streams\n"
    code += "call_at_the_end(lambda *told: print('ended'))\n"
    code += "with forgiving_streams(): signal.raise_signal(signal.SIGHUP); print('goes on')"

    answer = subprocess.run(["nohup", sys.executable, "-c", code], cwd=ROOT, capture_output=True)

    assert (answer.returncode, answer.stdout) == (0, b"goes on\n")
