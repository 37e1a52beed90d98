"""Which moves cases and actions may make, how far a case is, and what its closing lacks: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from ncs.choices import ActionKind, ActionStatus, Gap, NcStatus, Phase
from suppliers.choices import Severity

MOVES: dict[NcStatus, frozenset[NcStatus]] = {
    NcStatus.OPEN: frozenset({NcStatus.CLOSED}),
    NcStatus.CLOSED: frozenset({NcStatus.OPEN}),
}
ACTION_MOVES: dict[ActionStatus, frozenset[ActionStatus]] = {
    ActionStatus.OPEN: frozenset({ActionStatus.IN_PROGRESS, ActionStatus.CANCELLED}),
    ActionStatus.IN_PROGRESS: frozenset({ActionStatus.DONE, ActionStatus.CANCELLED}),
    ActionStatus.DONE: frozenset({ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE}),
    ActionStatus.EFFECTIVE: frozenset(),
    ActionStatus.INEFFECTIVE: frozenset(),
    ActionStatus.CANCELLED: frozenset(),
}
RUNNING = frozenset({ActionStatus.OPEN, ActionStatus.IN_PROGRESS})

# What evidence the closing of a case of each severity asks for. Weights and amounts are this project's judgement.
ASKED: dict[Severity, tuple[Gap, ...]] = {
    Severity.HIGH: (Gap.CONTAINMENT, Gap.DISPOSITION, Gap.ROOT_CAUSE, Gap.EFFECTIVE_ACTION),
    Severity.MEDIUM: (Gap.DISPOSITION, Gap.ROOT_CAUSE),
    Severity.LOW: (Gap.DISPOSITION,),
}


class Case(Protocol):
    """What the rules look at."""

    severity: str
    status: str
    due_on: date | None
    containment: str
    root_cause: str
    disposition: str
    actions_open: int
    actions_to_verify: int
    actions_effective: int
    corrective_effective: int


def may_move(present: str, target: str) -> bool:
    """Answer whether a case may go there. Staying is no move. An unknown status moves nowhere."""
    return target in MOVES.get(present, frozenset())  # type: ignore[call-overload]


def action_may_move(kind: str, present: str, target: str) -> bool:
    """Answer whether an action may go there. Containment is often done before anybody has said that it began."""
    if (kind, present, target) == (ActionKind.CONTAINMENT, ActionStatus.OPEN, ActionStatus.DONE):
        return True
    return target in ACTION_MOVES.get(present, frozenset())  # type: ignore[call-overload]


def phase_of(case: Case) -> Phase | None:
    """Return the phase of an open case, None of a closed one. `ncs.models` has the same rule in SQL."""
    if case.status != NcStatus.OPEN:
        return None
    if case.actions_open:
        return Phase.ACTIONS
    if case.actions_to_verify:
        return Phase.VERIFICATION
    if case.actions_effective:
        return Phase.READY
    if case.root_cause:
        return Phase.ANALYSED
    return Phase.CONTAINED if case.containment else Phase.REPORTED


def gaps_of(case: Case) -> list[Gap]:
    """Return what evidence a closing would lack now."""
    has: Mapping[Gap, object] = {
        Gap.CONTAINMENT: case.containment,
        Gap.DISPOSITION: case.disposition,
        Gap.ROOT_CAUSE: case.root_cause,
        Gap.EFFECTIVE_ACTION: case.corrective_effective,
    }
    return [gap for gap in ASKED[Severity(case.severity)] if not has[gap]]


def is_overdue(case: Case, *, today: date) -> bool:
    """Answer whether an open case is late. It is due through its day."""
    return case.status == NcStatus.OPEN and case.due_on is not None and case.due_on < today
