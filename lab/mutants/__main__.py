"""
`make mutants`: do the tests and the laboratory notice when a guarantee is gone?

Without the mutation the same runs must be green. A mutant that survives fails the run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from dev.processes import ROOT
from lab.mutants import (
    api,
    attachments,
    audit,
    auditors,
    browser,
    certificates,
    domain,
    exports,
    figures,
    imports,
    operators,
    outbox,
    pages,
    relay,
    replica,
    risk,
    suppliers,
    tracing,
    watching,
    webhooks,
)
from lab.mutants.judging import Finding, ask, by_module, migrated_data
from lab.mutants.mutant import Mutant
from qhse.terminal import run_program

T = TypeVar("T")
U = TypeVar("U")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")
VERDICTS = {Finding.NOTHING: "SURVIVED", Finding.FOUND: "caught", Finding.USELESS: "NOT JUDGED"}
GROUPS = {
    "outbox": outbox.MUTANTS,
    "relay": relay.MUTANTS,
    "api": api.MUTANTS,
    "attachments": attachments.MUTANTS,
    "certificates": certificates.MUTANTS,
    "audit": audit.MUTANTS,
    "auditors": auditors.MUTANTS,
    "domain": domain.MUTANTS,
    "suppliers": suppliers.MUTANTS,
    "exports": exports.MUTANTS,
    "imports": imports.MUTANTS,
    "replica": replica.MUTANTS,
    "risk": risk.MUTANTS,
    "figures": figures.MUTANTS,
    "webhooks": webhooks.MUTANTS,
    "operators": operators.MUTANTS,
    "watching": watching.MUTANTS,
    "pages": pages.MUTANTS,
    "browser": browser.MUTANTS,
    "tracing": tracing.MUTANTS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants of these groups or names. Return 0 when every one was caught."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__, usage='make mutants ARGS="[options]"')
    parser.add_argument("--only", metavar="NAME[,NAME]", help=f"groups ({', '.join(GROUPS)}) or single mutants")
    parser.add_argument(
        "--at-once", type=int, default=os.cpu_count() or 1, metavar="N", help="judges that run together"
    )
    options = parser.parse_args(arguments)
    wanted = (options.only or ",".join(GROUPS)).split(",")
    chosen = [each for group, table in GROUPS.items() for each in table if {group, each.name} & set(wanted)]
    with tempfile.TemporaryDirectory(prefix="qhse-mutants-") as directory:
        data = migrated_data(Path(directory))
        with Trees(Path(directory), options.at_once) as trees:
            survivors = [name for names in trees.each(partial(_survivors, data), by_module(chosen)) for name in names]
    print(f"\n{len(chosen)} mutants, {len(survivors)} survived{': ' if survivors else ''}{', '.join(survivors)}")
    return 1 if survivors or not chosen else 0


class Trees:
    """Copies of the code, one for each judge that runs at once. A context manager."""

    def __init__(self, directory: Path, number: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        self._pool = ThreadPoolExecutor(number)
        for place in range(number):
            shutil.copytree(ROOT, tree := directory / f"tree-{place}", ignore=LEFT_OUT)
            self._free.put(tree)

    def __enter__(self) -> Trees:
        return self

    def __exit__(self, *raised: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[[Path, T], U], subjects: Iterable[T]) -> Iterator[U]:
        """Yield what the work on each of them returns, in order. It has a copy for itself, and leaves it sound."""

        def in_a_tree(subject: T) -> U:
            tree = self._free.get()
            try:
                return work(tree, subject)
            finally:
                self._free.put(tree)

        return self._pool.map(in_a_tree, subjects)


def _survivors(data: Path, tree: Path, judged: tuple[str, Sequence[Mutant]]) -> list[str]:
    """Return the names of those that their judge has not caught: none may, that is not green without a mutation."""
    judge, mutants = judged
    if ask(judge, tree, data=data) != Finding.NOTHING:
        print(f"{'':36} RED without any mutation: {judge}", flush=True)
        return [mutant.name for mutant in mutants]
    return [mutant.name for mutant in mutants if not _is_caught(data, tree, mutant)]


def _is_caught(data: Path, tree: Path, mutant: Mutant) -> bool:
    path = tree / mutant.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(mutant.old) != 1:
        print(f"{mutant.name:36} its text stands {sound.count(mutant.old)} times in {mutant.file}", flush=True)
        return False
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    started = time.monotonic()
    try:
        verdict = VERDICTS[ask(mutant.caught_by, tree, data=None if mutant.is_in_the_schema else data)]
    finally:
        path.write_text(sound, encoding="utf-8")
    caught = verdict == "caught"
    print(f"{mutant.name:36} {verdict:10} {time.monotonic() - started:5.1f} s  {mutant.caught_by}", flush=True)
    return caught


if __name__ == "__main__":
    run_program(main)
