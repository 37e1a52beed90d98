"""What charts are made of: marks at their places, numbers as people read them, and round scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Values = Sequence[float | int | None]
Lines = Mapping[str, Values]

GAP = "–"


class Label(NamedTuple):
    """What stands under a mark, in one line or two. `name` is the whole of it, for tables and for who points at it."""

    name: str
    text: str
    below: str = ""


class Bar(NamedTuple):
    x: str
    y: str
    width: str
    height: str
    kind: int
    said: str


class Segment(NamedTuple):
    x1: str
    y1: str
    x2: str
    y2: str
    kind: int


class Dot(NamedTuple):
    x: str
    y: str
    kind: int
    said: str


class Words(NamedTuple):
    """Letters, and a number behind them. `place` has classes of `charts.css`."""

    x: str
    y: str
    text: str
    place: str
    figure: str = ""


class Key(NamedTuple):
    kind: int
    name: str
    is_line: bool


@dataclass(slots=True)
class Chart:
    """What the template draws. `columns` and `rows` are the same as a table, which stands behind each chart."""

    id: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    description: str = ""
    height: str = ""
    is_flush: bool = False
    rules: list[Segment] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    @property
    def patterns(self) -> list[int]:
        """Return the kinds whose bars have a pattern. The first kind is filled."""
        return sorted({bar.kind for bar in self.bars if bar.kind > 1})


def shown(value: float | int | None) -> str:
    if value is None:
        return GAP
    return f"{value:,.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def brief(value: float | int | None) -> str:
    """Return a number in the room that a mark has. The table has it in full."""
    if value is None:
        return GAP
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if abs(value) >= 10 * size or (size > 1_000 and abs(value) >= size):
            return f"{value / size:.1f}".rstrip("0").rstrip(".") + sign
    return f"{value:,.0f}" if abs(value) >= 100 else shown(value)


def steps_to(most: float, *, at_most: int) -> list[float]:
    """Return round numbers from 0 on, evenly apart and at most so many above it, the last of which is not below."""
    if most <= 0:
        return [0, 1]
    raw = most / at_most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= raw * (1 - 1e-9))
    step = max(step, 1.0) if most >= 1 else step
    number = max(1, math.ceil(most / step - 1e-9))
    return [round(step * each, 10) for each in range(number + 1)]


def bar_at(x: float, y: float, width: float, height: float, kind: int, said: str) -> Bar:
    return Bar(percent(x), em(y), percent(width), em(height), kind, said)


def percent(part: float) -> str:
    return f"{part * 100:.2f}%"


def em(height: float) -> str:
    return f"{height:.2f}em"
