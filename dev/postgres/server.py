"""
A PostgreSQL server of one's own, for tests, trials and fault injection.

It listens on a socket in a directory that only its owner may enter. Server and directory end with the process that
started them. `python -m dev.postgres.server -- CMD…` runs a command with one.
"""

from __future__ import annotations

import argparse
import atexit
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

from dev.postgres import locked_directory
from dev.postgres.binaries import PostgresUnavailable, copy_binaries, find_binaries
from dev.processes import die_with_parent, run_command
from qhse.terminal import run_program

ROLE = DATABASE = "qhse"
PREFIX = "qhse-pg-"
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100  # bytes; the kernel's bound is 108 on Linux and 104 on macOS
START_SECONDS = STOP_SECONDS = 60.0
UNPRIVILEGED_USER = "nobody"

StopMode = Literal["fast", "immediate"]
_STOP_SIGNALS: dict[StopMode, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",  # with trust authentication, who reaches the socket is a superuser
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PrivatePostgres:
    """
    One server in a temporary directory of its own. The context manager starts and removes it.

    `durable=False` trades crash safety for speed, for tests only. Faults are injected into a durable one.
    `settings` are server parameters; they win over ours. `variables` come into its environment. `data` is the data of a
    private server that was stopped: this one begins with a copy. PostgreSQL refuses root, so under root the server runs
    as an unprivileged user. It dies with the thread that started it: start it from the main one.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        data: Path | None = None,
    ) -> None:
        self._copied = data
        self._variables = {"LC_ALL": "C"} | dict(variables or {})
        self._settings = _SETTINGS | ({} if durable else _NOT_DURABLE) | dict(settings or {})
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self._directory_lock: int | None = None
        self._owner = os.getpid()

    def __enter__(self) -> PrivatePostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    @property
    def directory(self) -> Path:
        """Where data, socket and server.log are. The socket keeps its place over stop and start."""
        if self._directory is None:
            raise RuntimeError("the server was never started")
        return self._directory

    def url(self, dbname: str = DATABASE) -> str:
        """Return the address as libpq, psycopg and our settings read it."""
        return f"postgres://{ROLE}@/{quote(dbname, safe='')}?host={quote(str(self.directory), safe='')}"

    def start(self) -> None:
        """
        Start the server and return when it answers. A second start uses the data of the first.

        Raises PostgresUnavailable, and then leaves nothing behind.
        """
        if self._process is not None and self._process.poll() is None:
            return
        try:
            if self._directory is None:
                self._create()
            self._spawn()
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server and keep its data. "immediate" is a crash: the next start recovers."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(_STOP_SIGNALS[mode])
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self, mode: StopMode = "fast") -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop the server and remove its directory. Does nothing in a forked child, which does not own them."""
        if os.getpid() != self._owner:
            return
        atexit.unregister(self.close)
        self.stop("immediate")
        if self._directory is not None:
            with suppress(PostgresUnavailable):
                os.close(self._lock_data())  # after a kill, backends still write for a moment
            shutil.rmtree(self._directory, ignore_errors=True)
        if self._directory_lock is not None:
            os.close(self._directory_lock)
        self._directory = self._directory_lock = None

    def _create(self) -> None:
        base = _base_directory(for_others=bool(self._identity))
        locked_directory.remove_stale(base, PREFIX, {os.geteuid(), self._identity.get("user", os.geteuid())})
        binaries = find_binaries()
        atexit.register(self.close)
        self._directory, self._directory_lock = locked_directory.create(base, PREFIX)
        if self._identity:
            user, group = self._identity["user"], self._identity["group"]
            os.chown(self._directory, user, group)
            if not locked_directory.open_to_others(binaries / "postgres"):
                binaries = copy_binaries(binaries, self._directory)
                locked_directory.give_away(self._directory / "binaries", user=user, group=group)
        self._postgres = binaries / "postgres"
        self._fill(binaries)

    def _fill(self, binaries: Path) -> None:
        """Make the data directory, with an empty database or as a copy."""
        if self._copied is not None:
            try:
                shutil.copytree(self._copied, self.directory / "data")
            except (OSError, shutil.Error) as error:
                raise PostgresUnavailable(f"no data to begin with: {error}") from None
            if self._identity:
                user, group = self._identity["user"], self._identity["group"]
                locked_directory.give_away(self.directory / "data", user=user, group=group)
            return
        locale = "C.UTF-8" if os.uname().sysname == "Linux" else "en_US.UTF-8"
        initialise = [binaries / "initdb", "-D", self.directory / "data", "-U", ROLE, "-A", "trust", "-E", "UTF8"]
        self._run([*initialise, f"--locale={locale}", "--no-sync"])
        # In single-user mode, so that neither a client program nor a driver is needed.
        single_user = [self._postgres, "--single", "-D", self.directory / "data", "-c", "fsync=off", "template1"]
        self._run(single_user, f"CREATE DATABASE {DATABASE}\n")

    def _run(self, command: list[Any], statements: str = "") -> None:
        done = subprocess.run(
            command,
            input=statements,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            **self._child_options(signal.SIGTERM),
        )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            raise PostgresUnavailable(f"{Path(command[0]).name} failed: {_last_line(done.stderr)}")

    def _spawn(self) -> None:
        lock = self._lock_data()
        settings = self._settings | {"unix_socket_directories": str(self.directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        try:
            with (self.directory / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [str(self._postgres), "-D", str(self.directory / "data"), *options],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    **self._child_options(signal.SIGQUIT),  # the quickest stop that leaves no process behind
                )
        finally:
            os.close(lock)

    def _child_options(self, signal_at_parents_death: int) -> dict[str, Any]:
        kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # PGDATA and its like must not reach the server
        return {
            "cwd": self.directory,
            "env": {name: os.environ[name] for name in kept if name in os.environ} | self._variables,
            "start_new_session": True,  # Ctrl-C is for the tests, which then end the server themselves
            "preexec_fn": die_with_parent(signal_at_parents_death),
            **self._identity,
        }

    def _lock_data(self) -> int:
        """
        Return an open lock on the data, as soon as no server process holds it.

        Every process of the server inherits it. So the backends of a killed postmaster are waited for too: the next
        one would refuse to start beside them.
        """
        deadline = time.monotonic() + STOP_SECONDS
        path = self.directory / locked_directory.SERVER_LOCK
        while (lock := locked_directory.try_lock(path, os.O_CREAT)) is None:
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"processes of the last server in {self.directory} do not end")
            time.sleep(0.01)
        return lock

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                log = (self.directory / "server.log").read_text(errors="replace")
                raise PostgresUnavailable(f"PostgreSQL did not start: {_last_line(log)}")
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL was not ready after {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        # The eighth line is what pg_ctl waits for as well; a file of an earlier process does not count.
        try:
            lines = (self.directory / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise PostgresUnavailable(
            f"as root, PostgreSQL needs the user {UNPRIVILEGED_USER!r}, which is missing"
        ) from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _base_directory(*, for_others: bool) -> Path:
    """Return a temporary directory that the server's user may enter, with room for a socket's path."""
    name_length = len(f"/{PREFIX}12345678/{SOCKET_NAME}")
    for base in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108 (what we make there is 0700)
        fits = len(os.fsencode(base)) + name_length <= MAX_SOCKET_PATH
        if fits and os.access(base, os.W_OK) and (not for_others or locked_directory.open_to_others(base)):
            return base.resolve()
    raise PostgresUnavailable("no temporary directory with a short path that the server's user may enter")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    complaints = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (complaints or lines or ["no message"])[-1]


def main(arguments: list[str] | None = None) -> int:
    """Run a command with a server and return its exit code. 127 means that there is no server."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.postgres.server",
        description="Run a command with a private PostgreSQL server that ends together with it.",
        epilog="Example: python -m dev.postgres.server --env DATABASE_URL -- python manage.py migrate",
    )
    parser.add_argument("--durable", action="store_true", help="survive crashes: fsync and its like stay on")
    parser.add_argument(
        "--env", default="TEST_DATABASE_URL", metavar="NAME", help="variable that gets the URL (default: %(default)s)"
    )
    parser.add_argument("command", nargs="+", metavar="CMD", help="the command and its arguments, after `--`")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with PrivatePostgres(durable=options.durable) as server:
            return run_command(options.command, env=os.environ | {options.env: server.url()})
    except (PostgresUnavailable, OSError) as error:
        print(f"postgres: {error}", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    run_program(main)
