"""Which moves a non-conformity may make: pure."""

from __future__ import annotations

from ncs.choices import NcStatus

MOVES: dict[NcStatus, frozenset[NcStatus]] = {
    NcStatus.OPEN: frozenset({NcStatus.CLOSED}),
    NcStatus.CLOSED: frozenset(),
}


def may_move(present: str, target: str) -> bool:
    """Answer whether the move is allowed. Staying is no move. An unknown status moves nowhere."""
    return target in MOVES.get(present, frozenset())  # type: ignore[call-overload]
