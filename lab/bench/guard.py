"""Has a route become grossly dearer, beside its floor, than when all was measured? By ratios alone, never by a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

GROSS = 3.0
"""So many times the recorded ratio. A short run beside other work is off by a factor of two."""
_RECORDED = re.compile(r"^\| (.+), 200,000 rows, 8 connections, CPU \| .* \| .* \| ([\d.]+) ", re.MULTILINE)
_MEASURED = re.compile(r"(.+), [\d,]+ rows, \d+ connections, CPU")


def recorded_ratios(results: str) -> dict[str, float]:
    """Return route → ratio of its CPU to the floor's, of a page of results."""
    return {name: float(ratio) for name, ratio in _RECORDED.findall(results)}


def grossly_dearer(figures: Iterable[Mapping[str, Any]], recorded: Mapping[str, float]) -> list[str]:
    """
    Return a line for each route that is. Of several sizes the cheapest counts.

    Raises ValueError when fewer than half of the recorded routes have been measured: nothing would be compared.
    """
    cheapest: dict[str, float] = {}
    for figure in figures:
        found = _MEASURED.fullmatch(figure["name"])
        if found and figure["ratio"] is not None and found[1] in recorded:
            cheapest[found[1]] = min(figure["ratio"], cheapest.get(found[1], figure["ratio"]))
    if not cheapest or len(cheapest) < len(recorded) / 2:
        raise ValueError(f"{len(cheapest)} of {len(recorded)} recorded routes have been measured")
    return [
        f"{name}: {ratio:.1f} times the floor, {recorded[name]:.1f} are recorded"
        for name, ratio in cheapest.items()
        if ratio > GROSS * recorded[name]
    ]
