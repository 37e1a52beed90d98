"""An installation to be looked at: SQLite in a directory of its own, demo data, the real server and worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dev.processes import ROOT, kept_variables
from dev.stack import Stack, StackFailed, free_port, run_manage

Records = dict[str, dict[str, int]]


class Installation(NamedTuple):
    """Where it runs, and the keys of its records by model and state."""

    url: str
    records: Records


@contextmanager
def installation(directory: Path) -> Iterator[Installation]:
    """Run one. It ends with the block."""
    env = kept_variables() | {
        "QHSE_ENV": "dev",
        "DATABASE_URL": f"sqlite:///{directory / 'qhse.sqlite3'}",
        "LOG_LEVEL": "ERROR",
        "GUNICORN_LOG_LEVEL": "ERROR",
        "AUDIT_SEAL_INTERVAL": "1",
    }
    run_manage("migrate", "--verbosity=0", env=env)
    command = [sys.executable, "-m", "lab.browser.records"]
    made = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if made.returncode != 0:
        raise StackFailed(f"the records could not be made: {made.stderr}")
    with Stack(port=free_port(), env=env, show=True) as stack:
        stack.start()
        yield Installation(stack.url, json.loads(made.stdout.splitlines()[-1]))
        stack.check()
