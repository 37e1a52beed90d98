"""Runs a test or a scenario in a copy of the code, and says what it found."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from enum import Enum
from itertools import chain
from pathlib import Path

from dev.postgres.server import PrivatePostgres
from dev.processes import ROOT, kept_variables
from lab.mutants.mutant import Mutant

SECONDS = 300
ASSERTED = r"^E +(AssertionError|dev\.waiting\.Stalled|assert |Failed: DID NOT RAISE)"
# What stands behind a guarantee that is gone: another rule of the domain, or a constraint. Or its record is not there.
NEXT_NET = r"^E +(\w+(\.\w+)*\.errors\.\w+|django\.db\.utils\.IntegrityError|\w+(\.\w+)*\.DoesNotExist)\b"


class Finding(Enum):
    """What a judge says of a tree."""

    NOTHING = "all is well"
    FOUND = "a guarantee is gone"
    USELESS = "could not judge"


def by_module(mutants: Iterable[Mutant]) -> list[tuple[str, list[Mutant]]]:
    """
    Return the mutants by their judges' module, each time behind a judge that looks for all of them.

    That one is green without a mutation when each of theirs is, and starts once.
    """
    modules: dict[tuple[str, ...], dict[str, list[Mutant]]] = {}
    for mutant in mutants:
        words = shlex.split(mutant.caught_by)
        which = ""
        if "-k" in words:
            which = words.pop(words.index("-k") + 1)
            words.remove("-k")
        modules.setdefault(tuple(words), {}).setdefault(which, []).append(mutant)
    return [
        (shlex.join([*words, *_any_of(judges)]), list(chain(*judges.values())))
        for words, judges in sorted(modules.items())
    ]


def _any_of(expressions: Iterable[str]) -> list[str]:
    return ["-k", " or ".join(f"({each})" for each in expressions)] if all(expressions) else []


def migrated_data(directory: Path) -> Path:
    """
    Return data of a server whose database has the sound code's schema.

    To migrate takes longer than most judges look. Each begins with a copy, and finds nothing of the one before it.
    """
    with PrivatePostgres(durable=False) as server:
        environment = kept_variables() | {"QHSE_ENV": "test", "TEST_DATABASE_URL": server.url()}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        server.stop()
        return shutil.copytree(server.directory / "data", directory / "data")


def ask(judge: str, tree: Path, *, data: Path | None = None) -> Finding:
    """
    Run a judge in a tree, on data that are migrated already or on none.

    FOUND needs an assertion that failed, or a promise that the laboratory names as broken. An import that fails, a
    fixture that breaks or a time that runs out is USELESS: such a judge has seen nothing of the guarantee.
    """
    is_test = "/" in judge
    if is_test:
        migrated = [f"--migrated={data}"] if data else []
        command = ["-m", "pytest", "-q", "-x", "--postgres", "-p", "no:cacheprovider", *migrated, *shlex.split(judge)]
    else:
        command = ["-m", "lab.chaos", "--quick", "--only", judge]
    # Each judge has a server of its own: two on one would take its databases from each other.
    env = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True, errors="replace",
            timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Finding.USELESS
    return finding(done.returncode, done.stdout, is_test=is_test)


def finding(code: int, output: str, *, is_test: bool) -> Finding:
    """Return what an exit code and an output say."""
    if code == 0:
        return Finding.NOTHING
    if is_test:
        # Its teardown may complain as well. If a fixture breaks instead, `-x` ends the run without a failed test.
        failed = re.search(r"^FAILED \S+\.py", output, re.MULTILINE)
        asserted = re.search(f"{ASSERTED}|{NEXT_NET}", output, re.MULTILINE)
        return Finding.FOUND if code == 1 and failed and asserted else Finding.USELESS
    return Finding.FOUND if code == 1 and re.search(r"^FAILED: ", output, re.MULTILINE) else Finding.USELESS
