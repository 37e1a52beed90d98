"""`make fuzz`: made-up and hostile requests, by the thousand. No answer may be a 5xx, or against the document."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence

from dev.postgres.binaries import PostgresUnavailable
from dev.stack import interrupt_on_signals
from lab.fuzz import generated
from lab.fuzz.corpus import corpus
from lab.fuzz.generated import Size
from lab.fuzz.installation import PRINCIPALS, Installation, installation
from lab.fuzz.raw import send_all
from qhse.terminal import run_program

ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Cases for each operation and generating phase, for each kind of user.
FULL, QUICK, BOUNDED = Size(150, ALL_PHASES), Size(3, ALL_PHASES), Size(3, ("examples", "fuzzing", "stateful"))
SHOWN = 20
LEAST_OF_A_FULL_RUN = 20_000  # requests


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every answer was in order, 1 when not, 2 when there is no server to test with."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__, usage='make fuzz ARGS="[options]"')
    parser.add_argument("--quick", action="store_true", help="a little of it, in about two minutes")
    parser.add_argument("--bounded", action="store_true", help="less still, without schemathesis' coverage phase")
    parser.add_argument("--only", nargs="+", choices=[*PRINCIPALS, "corpus"], help="only these")
    parser.add_argument("--seed", type=int, help="repeats a run (default: drawn)")
    options = parser.parse_args(arguments)
    interrupt_on_signals()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    wanted = options.only or [*PRINCIPALS, "corpus"]
    print(f"{'quick' if options.quick else 'bounded' if options.bounded else 'full'} run, seed {seed}", flush=True)
    try:
        with installation() as running:
            least = 0 if options.quick or options.bounded or options.only else LEAST_OF_A_FULL_RUN
            size = QUICK if options.quick else BOUNDED if options.bounded else FULL
            failed = _run(running, wanted, size, seed, least)
    except PostgresUnavailable as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 1 if failed else 0


def _run(running: Installation, wanted: Sequence[str], size: Size, seed: int, least: int) -> bool:
    total, broken = 0, 0
    for principal in wanted:
        if principal == "corpus":
            sent = send_all(running.port, corpus(running.token_of("admin")))
            statuses, failures, cases = sent.statuses, sent.failures, sent.cases
        else:
            run = generated.run(running, principal, size=size, seed=seed)
            statuses, failures, cases = run.statuses, run.failures, run.cases
            broken += run.server_errors
        _show(principal, cases, statuses, failures)
        total += cases
        broken += len(failures)
    print(f"\n{total:,} requests, {broken} of them answered wrongly")
    if total < least:
        print(f"too few: a full run has at least {least:,}")
    return is_failure(total=total, broken=broken, least=least)


def is_failure(*, total: int, broken: int, least: int) -> bool:
    """Answer whether a run found a fault, or sent too little to find one."""
    return bool(broken) or total < max(least, 1)


def _show(principal: str, cases: int, statuses: Counter[int], failures: Sequence[str]) -> None:
    answers = ", ".join(f"{status or 'closed'}: {count:,}" for status, count in sorted(statuses.items()))
    print(f"{principal:12} {cases:7,} requests  {len(failures)} failures  ({answers})", flush=True)
    for failure in failures[:SHOWN]:
        print(f"{'':12} ! {failure}", flush=True)


if __name__ == "__main__":
    run_program(main)
