"""`make bench`: measures, prints each figure as a JSON line and all in a table, and writes results.md."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import django

from dev.postgres.binaries import PostgresUnavailable
from dev.postgres.server import PrivatePostgres
from dev.stack import interrupt_on_signals
from lab.bench.crew import WorkerFailed
from lab.bench.server import NotEnoughSpace, check_space, environment, private_server
from lab.bench.sizes import FULL, QUICK, Sizes
from qhse.terminal import run_program

RESULTS = Path(__file__).with_name("results.md")
BENCHMARKS = (
    "publish",
    "latency",
    "idle",
    "drain",
    "setups",
    "sealing",
    "audit",
    "http",
    "tracing",
    "history",
    "prune",
    "suppliers",
    "keys",
    "relay",
)
HISTORIC = {"history", "prune"}


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, usage='make bench ARGS="[options]"')
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a smoke run: its figures mean nothing, none is written")
    parser.add_argument("--rounds", type=count, metavar="N", help="measure each thing so often, and take the median")
    parser.add_argument("--workers", type=count, nargs="+", metavar="N", help="numbers of workers that drain")
    parser.add_argument("--batch-sizes", type=count, nargs="+", metavar="N", help="of the drain")
    parser.add_argument("--history", type=count, metavar="N", help="how many done events; ten million need 20 GB")
    parser.add_argument("--output", type=Path, help="the file to write (default: lab/bench/results.md)")
    return parser.parse_args(arguments)


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return number


def sizes_of(options: argparse.Namespace) -> Sizes:
    chosen = {name: getattr(options, name) for name in ("rounds", "history") if getattr(options, name)}
    chosen |= {name: tuple(getattr(options, name)) for name in ("workers", "batch_sizes") if getattr(options, name)}
    return replace(QUICK if options.quick else FULL, **chosen)


def main(arguments: list[str]) -> int:
    options = options_of(arguments)
    sizes = sizes_of(options)
    interrupt_on_signals()
    command = "make bench" + (f' ARGS="{shlex.join(arguments)}"' if arguments else "")
    output = options.output or (None if options.quick else RESULTS)
    try:
        with private_server() as server:
            if HISTORIC & set(options.only or BENCHMARKS):
                check_space(server.directory, sizes.history)
            measure(server, sizes, options.only or BENCHMARKS, command, output)
    except (PostgresUnavailable, NotEnoughSpace, WorkerFailed) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def measure(server: PrivatePostgres, sizes: Sizes, names: Sequence[str], command: str, output: Path | None) -> None:
    """Run these benchmarks. Each one's results are written as soon as it is through; all are shown at the end."""
    wanted = environment(server.url())
    os.environ.clear()
    os.environ.update(wanted)
    django.setup()
    logging.getLogger("qhse.request").setLevel(logging.WARNING)  # of what is asked within this process

    from lab.bench import figures, load  # needs the apps
    from lab.bench.run import Run

    run = Run(sizes, server)
    load.make_tables(sizes.backlog)
    run.copy_databases()
    sections: dict[str, str] = {}
    for name in names:
        where = figures.circumstances(run.database, command)
        measured = []
        for figure in importlib.import_module(f"lab.bench.{name}").measure(run):
            measured.append(figure)
            print(figure.as_json(), flush=True)
        if measured:
            sections[name] = f"{where}\n\n{figures.table(measured)}"
            if output:
                figures.write(output, {name: sections[name]})
    run.close()
    for name, section in sections.items():
        print(f"\n{name}, {section}")


if __name__ == "__main__":
    run_program(lambda: main(sys.argv[1:]))
