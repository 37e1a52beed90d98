"""The former version of the product: its tree, as it was before an upgrade."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from dev.processes import ROOT

COMMIT = "e7c48534537b943affe7dfd6ea9cbb7c1247ee88"
"""The version before relay, webhooks and replica. It is renewed when a version is released."""


class FormerIsAway(Exception):
    """The history of this clone does not reach back so far."""


def unpack(directory: Path) -> Path:
    """Write that version's tree into a directory, and return its place. Raises FormerIsAway."""
    command = ["git", "-C", str(ROOT), "archive", COMMIT]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise FormerIsAway(f"no clone with the history back to {COMMIT[:7]}") from error
    place = directory / "former"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(place, filter="data")
    return place
