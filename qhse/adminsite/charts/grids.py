"""Tables whose cells are shaded by their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from qhse.adminsite.charts.parts import shown


class Cell(NamedTuple):
    figure: str
    shade: int
    url: str
    said: str


class Grid(NamedTuple):
    """A table whose cells are shaded by their number, in four steps; nought has none. It is its own table."""

    id: str
    title: str
    corner: str
    columns: Sequence[str]
    rows: list[tuple[str, list[Cell], str]]
    total: str
    note: str = ""


def grid(
    name: str, title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], *,
    corner: str, total: str = "All", link: Callable[[int, int], str] | None = None, note: str = "",
) -> Grid | None:  # fmt: skip
    """Return the shaded table. `link` tells where the cell of a row and a column leads to. None where all is nought."""
    highest = max((n for _, numbers in rows for n in numbers), default=0)
    if not highest:
        return None
    told = []
    for down, (head, numbers) in enumerate(rows):
        cells = [
            Cell(
                shown(n), math.ceil(n / highest * 4), link(down, across) if link is not None and n else "",
                f"{head}, {columns[across]}",
            )
            for across, n in enumerate(numbers)
        ]  # fmt: skip
        told.append((head, cells, shown(sum(numbers))))
    return Grid(name, title, corner, columns, told, total, note)
