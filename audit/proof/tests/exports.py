"""Looks into an export, as somebody does who has nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def check(directory: Path, *options: str) -> tuple[int, str]:
    """Run the verifier that lies in the export, with a Python that finds nothing else."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(directory / "verify_export.py"), *options],
        capture_output=True, text=True, timeout=60, cwd="/",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
