"""Charts with upright bars and lines over labels: one or several plots above each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qhse.adminsite.charts.parts import (
    Chart,
    Dot,
    Key,
    Label,
    Lines,
    Segment,
    Words,
    bar_at,
    brief,
    em,
    percent,
    shown,
    steps_to,
)

HEIGHT = 11.0  # of a plot, in em
_HEAD, _BETWEEN, _FOOT = 1.6, 2.4, 3.2
_STEPS = 5  # of a scale, at most
_BARS = 0.72  # of the width of a label are bars
_APART = 0.1  # of the width of a bar lies between its figure and the other bar
_CROWDED = 8  # labels, from which a narrow window shows every second one


class Plot(NamedTuple):
    """One scale with its lines. `form` is beside, stacked or line. `most` fixes the top of the scale."""

    form: str
    lines: Lines
    most: float | None = None


def beside(lines: Lines, *, most: float | None = None) -> Plot:
    return Plot("beside", lines, most)


def stacked(lines: Lines, *, most: float | None = None) -> Plot:
    return Plot("stacked", lines, most)


def line(lines: Lines, *, most: float | None = None) -> Plot:
    return Plot("line", lines, most)


def months(names: Iterable[str]) -> list[Label]:
    """Return labels of months, `2026-03`: the year stands once, below its first month."""
    labels: list[Label] = []
    for name in names:
        year, month = name.split("-")
        is_first = not labels or not labels[-1].name.startswith(year)
        labels.append(Label(name, _MONTHS[int(month) - 1], year if is_first else ""))
    return labels


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plain(names: Iterable[str]) -> list[Label]:
    return [Label(name, name) for name in names]


def chart(name: str, title: str, labels: Sequence[Label], *plots: Plot, of: str = "") -> Chart | None:
    """
    Return the plots above each other over the same labels. None where there is nothing to see.

    `of` heads the column of the labels in the table.
    """
    lines = {key: values for plot in plots for key, values in plot.lines.items()}
    if not labels or not any(value for values in lines.values() for value in values):
        return None
    drawn = Chart(
        name, title, (of, *lines),
        [(label.name, *map(shown, row)) for label, *row in zip(labels, *lines.values(), strict=True)],
        description=_described(labels, lines),
    )  # fmt: skip
    top, kind = _HEAD, 1
    for plot in plots:
        drawn.keys += [Key(kind + nth, key, plot.form == "line") for nth, key in enumerate(plot.lines)]
        _draw(drawn, plot, labels, top, kind)
        kind += len(plot.lines)
        top += HEIGHT + _BETWEEN
    bottom = top - _BETWEEN
    for nth, label in enumerate(labels):
        x, sparse = percent((nth + 0.5) / len(labels)), _sparse(nth, len(labels))
        drawn.words.append(Words(x, em(bottom + 1.3), label.text, f"middle{sparse}"))
        if label.below:
            drawn.words.append(Words(x, em(bottom + 2.6), label.below, "middle strong"))
    drawn.height = em(bottom + (_FOOT if any(label.below for label in labels) else _FOOT - 1.3))
    if len(drawn.keys) == 1:
        drawn.keys = []
    return drawn


def _draw(drawn: Chart, plot: Plot, labels: Sequence[Label], top: float, kind: int) -> None:
    values = list(plot.lines.values())
    sums = [sum(each or 0 for each in row) for row in zip(*values, strict=True)]
    highest = max(sums) if plot.form == "stacked" else max((each or 0 for line in values for each in line), default=0)
    steps = steps_to(plot.most or highest, at_most=_STEPS)
    base = top + HEIGHT

    def y(value: float) -> float:
        return base - value / steps[-1] * HEIGHT

    for step in steps:
        drawn.rules.append(Segment("0", em(y(step)), "100%", em(y(step)), int(step == 0)))
        drawn.words.append(Words("-0.9em", em(y(step) + 0.35), brief(step), "end"))
    if plot.form == "line":
        _draw_lines(drawn, plot.lines, labels, y, kind, base)
    elif plot.form == "stacked":
        _draw_stacks(drawn, plot.lines, labels, y, kind)
        for nth, total in enumerate(sums):
            drawn.words.append(_figure((nth + 0.5) / len(labels), y(total), total, nth, labels))
    else:
        _draw_beside(drawn, plot.lines, labels, y, kind)


def _draw_beside(drawn: Chart, lines: Lines, labels: Sequence[Label], y: Callable[[float], float], kind: int) -> None:
    width = _BARS / len(labels) / len(lines)
    for place, (key, values) in enumerate(lines.items()):
        for nth, value in enumerate(values):
            left = (nth + (1 - _BARS) / 2) / len(labels) + place * width
            if value:
                said = f"{labels[nth].name}, {key}: {shown(value)}"
                drawn.bars.append(bar_at(left, y(value), width * 0.94, y(0) - y(value), kind + place, said))
            words = _figure(left + width / 2, y(value or 0), value, nth, labels)
            if len(lines) == 2:
                # Both begin between the bars and lead away: in the middle of each, 11 beside 11 would read as 1111.
                at = left + width * (1 - _APART) if place == 0 else left + width * _APART
                words = words._replace(x=percent(at), place="end value wide" if place == 0 else "start value wide")
            elif len(lines) > 2:
                words = words._replace(place="middle value wide")
            drawn.words.append(words)


def _draw_stacks(drawn: Chart, lines: Lines, labels: Sequence[Label], y: Callable[[float], float], kind: int) -> None:
    """The first line stands at the bottom, where heights compare best."""
    width = _BARS / len(labels)
    for nth, label in enumerate(labels):
        below: float = 0
        for place, (key, values) in enumerate(lines.items()):
            if value := values[nth]:
                left = (nth + (1 - _BARS) / 2) / len(labels)
                said = f"{label.name}, {key}: {shown(value)}"
                drawn.bars.append(
                    bar_at(left, y(below + value), width, y(below) - y(below + value), kind + place, said)
                )
                below += value


def _draw_lines(
    drawn: Chart, lines: Lines, labels: Sequence[Label], y: Callable[[float], float], kind: int, base: float
) -> None:
    for place, (key, values) in enumerate(lines.items()):
        before: tuple[str, str] | None = None
        for nth, value in enumerate(values):
            middle = (nth + 0.5) / len(labels)
            if len(lines) == 1:
                drawn.words.append(_figure(middle, base if value is None else y(value) - 0.3, value, nth, labels))
            if value is None:
                before = None
                continue
            here = (percent(middle), em(y(value)))
            if before is not None:
                drawn.segments.append(Segment(*before, *here, kind + place))
            drawn.dots.append(Dot(*here, kind + place, f"{labels[nth].name}, {key}: {shown(value)}"))
            before = here


def _described(labels: Sequence[Label], lines: Lines) -> str:
    told = [f"{labels[0].name} to {labels[-1].name}."]
    for key, values in lines.items():
        known = [each for each in values if each is not None]
        if not known:
            told.append(f"{key}: no data.")
            continue
        gaps = f" {len(values) - len(known)} without data." if len(known) < len(values) else ""
        told.append(f"{key}: {shown(min(known))} to {shown(max(known))}, last {shown(values[-1])}.{gaps}")
    return " ".join(told)


def _figure(middle: float, y: float, value: float | None, nth: int, labels: Sequence[Label]) -> Words:
    return Words(percent(middle), em(y - 0.35), brief(value), f"middle value{_sparse(nth, len(labels))}")


def _sparse(nth: int, number: int) -> str:
    """Return the class of what a narrow window leaves out. The last label always stays."""
    return " odd" if number > _CROWDED and (number - 1 - nth) % 2 else ""
