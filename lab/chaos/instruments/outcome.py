"""What a scenario found: a line for the screen, and a row for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

EXAMPLES = 5


@dataclass(slots=True)
class Verdict:
    """
    What does not agree between callers and tables. Empty lists mean that everything does.

    Lost: acknowledged but absent, or an event without its effect. Torn: one half of what belongs together. Phantom:
    present, but refused or never asked for. Duplicate: one thing twice. Overtaken: an effect that comes before one of
    an earlier event of the same aggregate.
    """

    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)

    def __iadd__(self, other: Verdict) -> Verdict:
        for name in FAULTS:
            mine = getattr(self, name)
            mine += [finding for finding in getattr(other, name) if finding not in mine]
        return self

    def __bool__(self) -> bool:
        """Return whether anything is wrong."""
        return any(getattr(self, name) for name in FAULTS)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in FAULTS}

    def examples(self) -> list[str]:
        return [f"{name}: {finding}" for name in FAULTS for finding in getattr(self, name)[:EXAMPLES]]


FAULTS = tuple(item.name for item in fields(Verdict))


@dataclass(slots=True)
class Outcome:
    """
    One scenario's result: what was done (`figures`), what the checker says, what other promise was broken.

    `not_played` says what this machine lacks. Such a scenario has not passed.
    """

    scenario: str
    figures: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    complaints: list[str] = field(default_factory=list)
    not_played: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.is_broken and not self.not_played

    @property
    def is_broken(self) -> bool:
        return bool(self.verdict) or bool(self.complaints)

    def demand(self, kept: bool, promise: str) -> None:
        """Note a promise that was not kept and that no table shows, such as one about time."""
        if not kept:
            self.complaints.append(promise)

    def lines(self) -> list[str]:
        numbers = self.figures | self.verdict.counts()
        said = " ".join(f"{name}={shown(value)}" for name, value in numbers.items())
        word = "FAILED" if self.is_broken else "ok" if self.passed else "PARTLY"
        head = f"{self.scenario:14} {word:6} {self.seconds:6.1f} s  {said}"
        more = [
            *self.verdict.examples(),
            *self.complaints,
            *([f"not played: {self.not_played}"] if self.not_played else []),
        ]
        return [head, *(f"{'':14} ! {text}" for text in more)]

    def row(self) -> str:
        done = ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in self.figures.items())
        if self.not_played:
            done += f"; not played: {self.not_played}"
        counts = " | ".join(str(count) for count in self.verdict.counts().values())
        return f"| `{self.scenario}` | {done} | {counts} | {self.seconds:.0f} s |"


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}s"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return a Markdown table of all scenarios."""
    head = f"| Scenario | What was done | {' | '.join(name.capitalize() for name in FAULTS)} | Time |"
    line = f"|---|---|{'--:|' * (len(FAULTS) + 1)}"
    return "\n".join([head, line, *(outcome.row() for outcome in outcomes)])
