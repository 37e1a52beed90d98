"""Charts with lying bars, which have room for names: a Pareto, and parts that add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qhse.adminsite.charts.parts import (
    GAP,
    Chart,
    Dot,
    Key,
    Segment,
    Words,
    bar_at,
    em,
    percent,
    shown,
    steps_to,
)

_SHORT, _LONG = 34, 80  # letters that fit beside a number, in narrow and in wide windows
_ROW, _BAR = 2.9, 1.05  # height of a row and of its bar


def pareto(
    name: str, title: str, labels: Sequence[str], counts: Sequence[int], cumulative: Sequence[float | None], *,
    total: int, of: str = "", most_rows: int = 10, count: str = "Cases", share: str = "Cumulative share",
) -> Chart | None:  # fmt: skip
    """Return bars of counts, largest first, and the line of their cumulative share. Both are shares of one scale."""
    rows = list(zip(labels, counts, cumulative, strict=True))[:most_rows]
    if not rows or not total:
        return None
    steps = steps_to(max((part or 0) for _, _, part in rows) * 100, at_most=5)
    drawn = _horizontal(name, title, steps, len(rows), lambda step: f"{step:g}%")
    drawn.columns = (of, count, share)
    drawn.rows = [(label, shown(n), GAP if part is None else f"{part:.1%}") for label, n, part in rows]
    drawn.keys = [Key(1, count, False), Key(3, share, True)]
    before: tuple[str, str] | None = None
    for nth, (label, n, part) in enumerate(rows):
        top = _top(nth)
        drawn.bars.append(bar_at(0, top + 1.35, n / total * 100 / steps[-1], _BAR, 1, f"{label}: {shown(n)}"))
        _head(drawn, label, f"{shown(n)}, {n / total:.0%}", top)
        if part is not None:
            here = (percent(part * 100 / steps[-1]), em(top + 1.35 + _BAR / 2))
            drawn.dots.append(Dot(*here, 3, f"{label} and those above: {part:.1%}"))
            if before is not None:
                drawn.segments.append(Segment(*before, *here, 3))
            before = here
    last = "" if rows[-1][2] is None else f" All {len(rows)} together: {rows[-1][2]:.0%}."
    drawn.description = f"Largest: {rows[0][0]}, {shown(rows[0][1])} of {shown(total)}.{last}"
    return drawn


def adding_up(
    name: str, title: str, parts: Sequence[tuple[str, int]], *, total: str, most: int, of: str = "", count: str = ""
) -> Chart | None:
    """Return a bar for each part that begins where the one before it ended, and below them the bar of their sum."""
    if not parts:
        return None
    score = sum(points for _, points in parts)
    steps = steps_to(most, at_most=5)
    drawn = _horizontal(name, title, steps, len(parts) + 1, lambda step: f"{step:g}")
    drawn.columns, drawn.rows = (of, count), [*((what, shown(points)) for what, points in parts), (total, shown(score))]
    at = 0
    for nth, (what, points) in enumerate([*parts, (total, score)]):
        is_sum = nth == len(parts)
        begins = 0 if is_sum else at
        at = points if is_sum else at + points
        left, width = min(begins, at) / steps[-1], abs(at - begins) / steps[-1]
        drawn.bars.append(bar_at(left, _top(nth) + 1.35, width, _BAR, 1 if is_sum else 2, f"{what}: {shown(points)}"))
        _head(drawn, what, shown(points) if is_sum else f"{points:+d}", _top(nth), "strong" if is_sum else "")
        if not is_sum:
            x = percent(at / steps[-1])
            drawn.segments.append(Segment(x, em(_top(nth) + 1.35), x, em(_top(nth + 1) + 1.35 + _BAR), 0))
    drawn.description = f"{'; '.join(f'{what}: {points:+d}' for what, points in parts)}. {total}: {shown(score)}."
    return drawn


def _horizontal(name: str, title: str, steps: Sequence[float], number: int, worded: Callable[[float], str]) -> Chart:
    drawn = Chart(name, title, (), (), is_flush=True)
    bottom = _top(number)
    for step in steps:
        x = step / steps[-1]
        drawn.rules.append(Segment(percent(x), "0", percent(x), em(bottom), int(step == 0)))
        place = "start" if step == 0 else "end" if x == 1 else "middle"
        drawn.words.append(Words(percent(x), em(bottom + 1.35), worded(step), place))
    drawn.height = em(bottom + 1.8)
    return drawn


def _top(nth: int) -> float:
    return nth * _ROW


def _head(drawn: Chart, name: str, figure: str, top: float, more: str = "") -> None:
    """
    Write above a bar what it is. Letters in SVG do not wrap: a long name is cut, twice if need be.

    The number stands behind the name, and not at the right edge, where the cumulative line ends.
    """
    y = em(top + 0.85)
    if len(name) <= _SHORT:
        drawn.words.append(Words("0", y, name, f"start name {more}".strip(), figure))
    else:
        drawn.words.append(Words("0", y, _cut(name, _LONG), f"start name wide {more}".strip(), figure))
        drawn.words.append(Words("0", y, _cut(name, _SHORT), f"start name narrow {more}".strip(), figure))


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"
