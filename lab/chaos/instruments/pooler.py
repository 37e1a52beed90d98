"""PgBouncer before the laboratory's server, where it is installed. Nothing here installs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from dev.postgres.server import ROLE
from dev.processes import die_with_parent
from dev.stack import HOST, free_port
from dev.waiting import wait_until
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory

NAME = "pgbouncer"
PoolMode = Literal["session", "transaction", "statement"]


def find_pooler() -> str | None:
    """Return the path of PgBouncer. Debian keeps it where only administrators look."""
    return shutil.which(NAME, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


class Pooler:
    """A running PgBouncer."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database: Database) -> str:
        return f"postgres://{ROLE}@{HOST}:{self._port}/{database.name}"


@contextmanager
def pooler(lab: Laboratory, program: str, mode: PoolMode, *, in_turns: bool = False) -> Iterator[Pooler]:
    """
    Run one, configured as its manual begins: nothing of ours is allowed or ignored for our sake.

    With `in_turns` it gives out the server that has been free for longest, and not the last one.
    """
    port = free_port()
    configuration = lab.server.directory / f"pooler-{port}.ini"
    configuration.write_text(
        f"[databases]\n* = host={lab.server.directory} user={ROLE}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\nserver_round_robin = {int(in_turns)}\n"
    )
    with lab.log(f"pooler-{mode}").open("ab") as log:
        process = subprocess.Popen(
            [program, "--quiet", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd=lab.server.directory, preexec_fn=die_with_parent(signal.SIGKILL), **_identity(lab),
        )  # fmt: skip
    try:
        wait_until(lambda: _answers(port), seconds=20, what="the pooler to listen")
        yield Pooler(port)
    finally:
        process.kill()
        process.wait()


def _identity(lab: Laboratory) -> dict[str, Any]:
    """It refuses root as the server does, and may read what the server may."""
    owner = lab.server.directory.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
