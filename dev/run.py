"""`make run`: database, demo data, API, admin and worker on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys

from dev.processes import ROOT
from dev.stack import Stack, StackFailed, check_port, interrupt_on_signals, run_manage
from qhse.terminal import run_program

PANEL = """
  QHSE is running on {database}. Ctrl-C stops it.

    API documentation   {url}/docs
    Admin               {url}/admin/
    Health              {url}/readyz

    Before you paste blocks of the README, type: PORT={port}

    Log in as quality, procurement, auditor or admin; each one's password is its name.

    curl -s {url}/auth/login -H 'Content-Type: application/json' \\
         -d '{{"username": "quality", "password": "quality"}}'
"""


def main() -> int:
    """Return 0 when told to stop, 1 when something failed."""
    # It takes none. One that is ignored would let somebody wait at another address.
    argparse.ArgumentParser(
        prog="make run", description=__doc__, epilog="PORT=8010 make run takes another port."
    ).parse_args()
    interrupt_on_signals()
    try:
        serve(_port(), dict(os.environ))
    except StackFailed as error:
        print(f"qhse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nqhse: stopped")
    return 0


def serve(port: int, env: dict[str, str]) -> None:
    """Prepare the database and run until a signal or a failure. Leaves by KeyboardInterrupt or StackFailed."""
    check_port(port)
    env.setdefault("QHSE_ENV", "dev")
    print("qhse: preparing the database; with an empty one, half a minute for its tables and the demo", flush=True)
    run_manage("migrate", "--verbosity", "0", env=env)
    run_manage("seed_demo", "--if-empty", env=env)
    # What people see first is then as it stays: risks concluded, and no backlog that still changes figures.
    print("qhse: handling the events that wait", flush=True)
    run_manage("run_outbox_worker", "--drain", env=env)
    metrics = ROOT / "var" / "metrics" / str(port)
    env |= {"GUNICORN_LOG_LEVEL": "WARNING", "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with Stack(port=port, env=env, show=True) as stack:
        stack.start()
        # Without the URL's value: it may hold a password, and terminals are shown around.
        database = "the database of DATABASE_URL" if env.get("DATABASE_URL") else "SQLite, var/qhse.sqlite3"
        print(PANEL.format(url=stack.url, port=port, database=database), flush=True)
        stack.watch()


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise StackFailed(f"PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    run_program(main)
