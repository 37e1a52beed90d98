"""Commands as people run them: in old terminals, into files, into pipes that close early. Real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
    (("requeue_dead_events", "--type", "ПОСТАВЩИК", "--reason", "für später 工場", "--dry-run"), 2),
    (("requeue_dead_events", "--all", "--reason", "x", "--actor", "Jörg–ψ"), 2),
    (("dismiss_dead_events", "--all", "--reason", "für später – 工場"), 0),
    (("prune_outbox", "--older-than", "Ω"), 2),
    (("verify_audit_trail",), 0),
    (("no_such_command_ψ",), 1),
)

IN_A_TERMINAL = f"{sys.executable} -c 'import pty, sys; raise SystemExit(pty.spawn(sys.argv[1:]) and 1)'"
CHILDREN_OF_OTHERS = {  # people never start them
    "lab/bench/audit_process.py", "lab/bench/bare_worker.py", "lab/bench/product_worker.py", "lab/bench/raw_worker.py",
    "lab/bench/sink.py", "lab/chaos/instruments/forwarder.py", "lab/chaos/instruments/proxy.py",
}  # fmt: skip
PROGRAMS = sorted(
    name
    for folder in ("dev", "lab")
    for path in (ROOT / folder).rglob("*.py")
    if 'if __name__ == "__main__"' in path.read_text() and "tests" not in path.parts
    if (name := path.relative_to(ROOT).as_posix()) not in CHILDREN_OF_OTHERS
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


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("terminal", TERMINALS)
def test_text_in_any_script_is_written_to_either_stream(terminal: str, stream: str):
    code = "import sys; from qhse.terminal import forgiving_streams\n"
    code += f"with forgiving_streams(): print('\\u5de5\\u5834', file=sys.{stream})"

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=kept_variables() | TERMINALS[terminal], capture_output=True
    )

    assert (answer.returncode, getattr(answer, stream)) == (0, b"\\u5de5\\u5834\n")


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


@pytest.mark.parametrize(
    "arguments", [("outbox_status",), ("outbox_status", "--help"), ("help",), ("migrate", "--plan")]
)
def test_what_cannot_be_written_is_an_error_and_said(run: Run, arguments: tuple[str, ...]):
    answer = run(*arguments, shell='"$@" >/dev/full')

    assert (answer.returncode, answer.stderr) == (
        1,
        b"qhse: not everything could be written: No space left on device\n",
    )


def test_what_was_said_nowhere_is_an_error_all_the_same(run: Run):
    assert run("outbox_status", shell='"$@" >/dev/full 2>/dev/full').returncode == 1


def test_a_database_that_cannot_be_used_is_named_without_a_traceback(run: Run, tmp_path: Path):
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    for url, said in ((empty, b"no such table"), ("postgres://somebody@127.0.0.1:1/nowhere", b"refused")):
        answer = run("outbox_status", DATABASE_URL=url)

        assert (answer.returncode, answer.stdout) == (1, b"")
        assert answer.stderr.startswith(b"qhse: the database could not be used: ") and said in answer.stderr
        assert b"manage.py migrate" in answer.stderr and b"Traceback" not in answer.stderr

    assert b"Traceback" in run("outbox_status", "--traceback", DATABASE_URL=empty).stderr


@pytest.mark.parametrize("kind", ["InternalError", "IntegrityError", "DataError", "InterfaceError"])
def test_whatever_kind_of_error_the_database_makes_is_one_line(run: Run, tmp_path: Path, kind):
    """Such as where it takes no writes, or where two commands do the same at once."""
    (tmp_path / "sitecustomize.py").write_text(
        "import django.core.management as m\n"
        "def fail(arguments):\n"
        f"    from django.db import {kind}\n"
        f"    raise {kind}('cannot execute INSERT in a read-only transaction')\n"
        "m.execute_from_command_line = fail\n"
    )

    answer = run("outbox_status", PYTHONPATH=str(tmp_path))

    assert (answer.returncode, answer.stdout) == (1, b"")
    assert answer.stderr.startswith(b"qhse: the database could not be used: cannot execute INSERT")
    assert b"Traceback" not in answer.stderr


def test_who_wants_no_colours_gets_none(run: Run):
    refused = ("requeue_dead_events", "--all", "--reason", "x", "--actor", "nobody")
    for wish, colours in (("1", False), ("", True)):
        shown = run(*refused, shell=f'{IN_A_TERMINAL} "$@"', TERM="xterm", NO_COLOR=wish).stdout

        assert (b"\x1b[" in shown, b"is not an active user" in shown) == (colours, True)


def test_the_state_of_the_outbox_fits_into_a_narrow_terminal(run: Run):
    assert max(map(len, run("outbox_status", COLUMNS="40").stdout.decode().splitlines())) <= 40


def test_whoever_interrupts_a_command_sees_no_traceback():
    code = "import signal; from qhse.terminal import forgiving_streams\n"
    code += "with forgiving_streams(): signal.raise_signal(signal.SIGINT)"

    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)

    assert (answer.returncode, answer.stderr) == (130, b"qhse: interrupted\n")


@pytest.mark.parametrize("closed", ['"$@" >&-', '"$@" 2>&-', '"$@" <&-'])
def test_a_stream_that_is_closed_from_the_start_is_no_failure(run: Run, closed: str):
    answer = run("outbox_status", shell=closed)

    assert (answer.returncode, answer.stderr) == (0, b"")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_other_program_writes_as_the_commands_do(program: str):
    """`run_program` is the one place; what it promises is tested above."""
    assert "\n    run_program(" in (ROOT / program).read_text()


@pytest.mark.parametrize("module", ["dev.demo", "dev.check", "lab.chaos", "lab.fuzz", "lab.mutants", "lab.bench"])
@pytest.mark.parametrize(("stdout", "code"), [(">/dev/full", 1), (">&-", 0)])
def test_another_program_ends_like_a_command_where_nothing_can_be_written(module: str, stdout: str, code: int):
    answer = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {stdout}', "sh", sys.executable, "-m", module, "--help"],
        cwd=ROOT, env=kept_variables() | {"PYTHONIOENCODING": "ascii:strict"}, capture_output=True,
    )  # fmt: skip

    assert answer.returncode == code, answer.stderr
    assert b"Traceback" not in answer.stderr


def test_what_is_read_and_is_no_text_is_named(run: Run):
    code = "import sys; from qhse.terminal import forgiving_streams\nwith forgiving_streams(): input()"

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=b"J\xf6rg\n", capture_output=True,
        env=kept_variables() | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip

    assert answer.returncode == 2
    assert answer.stderr == b"qhse: what was typed, or read, is not text in utf-8: b'J\\xf6rg\\n'\n"
