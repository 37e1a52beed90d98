"""What a benchmark yields, what it should reach, and how both are shown."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import django

from lab.database import Database

HEAD = """# Results

Written by `make bench`; [README.md](README.md) says what each figure means. Absolute figures hold for this machine and
this hour. A ratio compares things that were measured in turn in one run, so it is what changes are judged by.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach: at least or at most `bound`, by its ratio or by its value."""

    kind: Literal["≥", "≤"]
    bound: float
    of: Literal["ratio", "value"]

    def is_reached(self, figure: Figure) -> bool:
        measured = figure.ratio if self.of == "ratio" else figure.value
        return measured is not None and (measured >= self.bound if self.kind == "≥" else measured <= self.bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One measured figure.

    `beside` is what it is compared with. Each round has a ratio of its own, because both met the same noise in it:
    `ratio` is the median of them, `spread` the least and the greatest.
    """

    benchmark: str
    name: str
    value: float
    unit: str
    beside: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    target: Target | None = None

    def as_json(self) -> str:
        """Return one line for programs."""
        reached = None if self.target is None else self.target.is_reached(self)
        return json.dumps(_rounded(asdict(self)) | {"reached": reached}, ensure_ascii=False)

    def as_row(self) -> str:
        """Return one line of a Markdown table."""
        target, verdict = "", ""
        if self.target is not None:
            bound = f"{self.target.bound:g}" + ("" if self.target.of == "ratio" else f" {self.unit}")
            target = f"{self.target.kind} {bound}"
            verdict = "yes" if self.target.is_reached(self) else "**no**"
        beside = "" if self.beside is None else f"{_short(self.beside)} {self.unit}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        if self.spread is not None:
            ratio += f" ({self.spread[0]:.2f}–{self.spread[1]:.2f})"
        return f"| {self.name} | {_short(self.value)} {self.unit} | {beside} | {ratio} | {target} | {verdict} |"


def compared(
    benchmark: str,
    name: str,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    target: Target | None = None,
) -> Figure:
    """Return the figure of what was measured in rounds, in turn with something else."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Figure(
        benchmark,
        name,
        value=statistics.median(ours),
        unit=unit,
        beside=statistics.median(theirs),
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        target=target,
    )


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4f}"


def table(figures: Sequence[Figure]) -> str:
    head = "| figure | measured | beside | ratio | reach | reached |\n|---|--:|--:|--:|--:|---|\n"
    return head + "".join(f"{figure.as_row()}\n" for figure in figures)


def circumstances(database: Database, command: str) -> str:
    """Return when, where and how the figures were measured."""
    (postgres,) = database.row("SHOW server_version")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GB memory, "
        f"PostgreSQL {postgres.split()[0]}, Python {platform.python_version()}, Django {django.__version__}, "
        f"load {os.getloadavg()[0]:.1f} at the start: `{command}`"
    )


def write(path: Path, sections: dict[str, str]) -> None:
    """Replace the sections of these benchmarks in a results file, and keep those of others."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    kept = dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
    merged = kept | sections
    body = "".join(f"\n## {name}\n\n{merged[name].strip()}\n" for name in sorted(merged))
    path.write_text(HEAD + body, encoding="utf-8")
