"""Commands as people run them: in old terminals, into files, into pipes that close early. Real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.core.management import get_commands

from dev.processes import ROOT, kept_variables

OUR_APPS = ("outbox", "audit", "suppliers", "ncs", "qhse", "kpi")
COMMANDS = sorted(name for name, app in get_commands().items() if str(app).split(".")[0] in OUR_APPS)
TERMINALS = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii:strict"},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
SHOWN = (  # what commands tell people, of data in any script; exit code
    (("outbox_status",), 0),
    (("outbox_status", "--format", "json"), 0),
    (("requeue_dead_events", "--type", "ПОСТАВЩИК", "--reason", "für später 工場", "--dry-run"), 0),
    (("requeue_dead_events", "--all", "--reason", "x", "--actor", "Jörg–ψ"), 1),
    (("dismiss_dead_events", "--all", "--reason", "für später – 工場"), 0),
    (("prune_outbox", "--older-than", "Ω"), 2),
    (("verify_audit_trail",), 0),
    (("no_such_command_ψ",), 1),
)

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    directory = tmp_path_factory.mktemp("terminal")
    base = kept_variables() | {"DATABASE_URL": f"sqlite:///{directory}/qhse.sqlite3", "QHSE_ENV": "dev"}

    def run_one(
        *arguments: str | bytes, shell: str = '"$@"', stdout: int = subprocess.PIPE, **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["/bin/sh", "-c", shell, "sh", sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=base | variables, stdout=stdout, stderr=subprocess.PIPE)

    assert run_one("migrate", "--verbosity", "0").returncode == 0
    assert run_one("seed_demo", "--suppliers", "2", "--ncs", "3").returncode == 0
    assert run_one("run_outbox_worker", "--drain").returncode == 0  # an empty outbox has no ages, which is a dash
    return run_one


@pytest.mark.parametrize("terminal", TERMINALS)
def test_what_a_command_tells_can_be_written_in_every_encoding(run: Run, terminal: str):
    for arguments, code in SHOWN if terminal == "ascii" else SHOWN[:1] + SHOWN[3:4]:
        answer = run(*arguments, **TERMINALS[terminal])

        assert answer.returncode == code, (arguments, answer.stderr)
        assert b"Traceback" not in answer.stderr + answer.stdout, (arguments, answer.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_in_an_old_terminal(run: Run, command: str):
    answer = run(command, "--help", PYTHONIOENCODING="ascii:strict")

    assert (answer.returncode, answer.stderr) == (0, b"")


def test_what_the_encoding_lacks_is_escaped_and_not_lost(run: Run):
    answer = run("requeue_dead_events", "--all", "--reason", "x", "--actor", "Jörg–ψ", PYTHONIOENCODING="latin-1")

    assert rb"J" + "ö".encode("latin-1") + rb"rg\u2013\u03c8" in answer.stderr


def test_what_is_typed_in_a_terminal_without_locale_is_read_as_it_was_meant(run: Run):
    asked = run("requeue_dead_events", "--all", "--reason", "x", "--actor", "Jörg", **TERMINALS["no locale"])

    assert rb"J\xf6rg" in asked.stderr and rb"\udcc3" not in asked.stderr


@pytest.mark.parametrize("variables", [{}, TERMINALS["no locale"]])
def test_an_argument_that_is_no_text_is_refused_before_anything_happens(run: Run, variables: dict[str, str]):
    answer = run("dismiss_dead_events", "--all", "--reason", b"f\xfcr", **variables)

    assert (answer.returncode, answer.stdout) == (2, b"")
    assert answer.stderr == b"qhse: this argument is not text in UTF-8: 'f\\udcfcr'\n"


@pytest.mark.parametrize("arguments", [("outbox_status",), ("outbox_status", "--help"), ("help",)])
def test_a_reader_that_has_seen_enough_ends_the_command_in_silence(run: Run, arguments: tuple[str, ...]):
    read_end, write_end = os.pipe()
    os.close(read_end)  # gone before the command writes
    try:
        answer = run(*arguments, stdout=write_end)
    finally:
        os.close(write_end)

    assert (answer.returncode, answer.stderr) == (141, b"")


@pytest.mark.parametrize("closed", ['"$@" >&-', '"$@" 2>&-', '"$@" <&-'])
def test_a_stream_that_is_closed_from_the_start_is_no_failure(run: Run, closed: str):
    answer = run("outbox_status", shell=closed)

    assert (answer.returncode, answer.stderr) == (0, b"")


def test_what_is_read_and_is_no_text_is_named(run: Run):
    code = "import sys; from qhse.terminal import forgiving_streams\nwith forgiving_streams(): input()"

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=b"J\xf6rg\n", capture_output=True,
        env=kept_variables() | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip

    assert answer.returncode == 2
    assert answer.stderr == b"qhse: what was typed, or read, is not text in utf-8: b'J\\xf6rg\\n'\n"
