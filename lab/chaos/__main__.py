"""`make chaos`: runs the scenarios and prints what they found."""

from __future__ import annotations

import argparse
import importlib
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dev.postgres.binaries import PostgresUnavailable
from dev.postgres.server import PrivatePostgres
from dev.waiting import Stalled
from lab.chaos.instruments import environment
from lab.chaos.instruments.outcome import Outcome, table
from qhse.terminal import run_program

if TYPE_CHECKING:
    from lab.chaos.instruments.laboratory import Laboratory

# Each is a module with a function `run`.
SCENARIOS = (
    "checker-test",
    "killpoints",
    "order",
    "poison",
    "replay",
    "requeues",
    "kinds",
    "snapshot",
    "backlogs",
    "full",
    "clocks",
    "maintenance",
    "failover",
    "replica",
    "freezes",
    "stops",
    "upgrade",
    "tampering",
    "kills",
    "cuts",
    "webhooks",
    "repeats",
    "guesses",
    "black-hole",
    "poolers",
    "hostile-server",
    "crowded",
    "terminations",
    "restarts",
    "relay",
)
BROKEN, UNUSABLE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every promise was kept, 1 when one was broken, 2 when this machine lacks what a scenario needs."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    environment.prepare()
    # What the product logs while it is being harmed is in the children's logs; here it would hide the figures.
    logging.disable(logging.CRITICAL)
    print(f"{'quick' if options.quick else 'full'} run, seed {options.seed}", flush=True)
    try:
        outcomes = _play_all(options)
    except PostgresUnavailable as error:
        print(f"chaos: {error}", file=sys.stderr)
        return UNUSABLE
    return _report(outcomes, options.output)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lab.chaos",
        description="Kill, cut off and freeze the product, and compare what callers were told with what is stored.",
        epilog=f"Scenarios: {', '.join(SCENARIOS)}.",
    )
    parser.add_argument("--quick", action="store_true", help="a little of everything, in about a minute")
    parser.add_argument("--only", metavar="NAME[,NAME]", type=_names, default=SCENARIOS, help="only these scenarios")
    parser.add_argument(
        "--scenes", metavar="NAME[,NAME]", type=_names, default=(), help="killpoints: each point of these, once"
    )
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="killpoints: how often each (default: 2)")
    parser.add_argument("--seed", type=int, help="of everything that is left to chance (default: drawn; quick: 1)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - set(SCENARIOS):
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}")
    if options.seed is None:
        options.seed = 1 if options.quick else random.randrange(10**6)
    return options


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _play_all(options: argparse.Namespace) -> list[Outcome]:
    from lab.chaos.instruments.laboratory import SERVER_SETTINGS, Laboratory

    with (
        PrivatePostgres(durable=True, settings=SERVER_SETTINGS) as server,
        tempfile.TemporaryDirectory(prefix="qhse-chaos-") as directory,
    ):
        lab = Laboratory(server, Path(directory), options.quick, options.seed, options.rounds, options.scenes)
        lab.prepare()
        return [_play(lab, name) for name in options.only or SCENARIOS]


def _play(lab: Laboratory, name: str) -> Outcome:
    module = importlib.import_module(f"lab.chaos.scenarios.{name.replace('-', '_')}")
    started = time.monotonic()
    try:
        outcome: Outcome = module.run(lab)
    except Stalled as error:
        outcome = Outcome(name, complaints=[str(error)])
    except BaseException:
        lab.kill_all()
        print("\n".join(lab.crashes), flush=True)  # they may be why
        raise
    lab.kill_all()
    outcome.complaints += lab.crashes
    lab.crashes.clear()
    outcome.seconds = time.monotonic() - started
    print("\n".join(outcome.lines()), flush=True)
    return outcome


def _report(outcomes: Sequence[Outcome], path: Path | None) -> int:
    text = table(outcomes)
    print(f"\n{text}")
    if path is not None:
        path.write_text(f"{text}\n", encoding="utf-8")
    failed = [outcome.scenario for outcome in outcomes if outcome.is_broken]
    left_out = [outcome.scenario for outcome in outcomes if outcome.not_played]
    if left_out:
        print(f"\nNOT PLAYED, or not all of it: {', '.join(left_out)}")
    if failed:
        print(f"\nFAILED: {', '.join(failed)}")
    return BROKEN if failed else UNUSABLE if left_out else 0


if __name__ == "__main__":
    run_program(main)
