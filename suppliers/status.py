"""Which moves the status of a supplier may make, who decides them, and what a move lacks: pure."""

from __future__ import annotations

from collections.abc import Collection

from qhse.accounts.roles import Role
from suppliers.choices import RiskLevel, SupplierStatus
from suppliers.standards import Standard

_DELIVERING = frozenset({SupplierStatus.APPROVED, SupplierStatus.CONDITIONAL})
_OUT = frozenset({SupplierStatus.DISQUALIFIED})

MOVES: dict[SupplierStatus, frozenset[SupplierStatus]] = {
    SupplierStatus.PENDING: _DELIVERING | {SupplierStatus.REJECTED} | _OUT,
    SupplierStatus.APPROVED: frozenset({SupplierStatus.CONDITIONAL, SupplierStatus.SUSPENDED}) | _OUT,
    SupplierStatus.CONDITIONAL: frozenset({SupplierStatus.APPROVED, SupplierStatus.SUSPENDED}) | _OUT,
    SupplierStatus.SUSPENDED: _DELIVERING | _OUT,
    SupplierStatus.REJECTED: frozenset({SupplierStatus.PENDING}) | _OUT,
    SupplierStatus.DISQUALIFIED: frozenset({SupplierStatus.PENDING}),
}

_ALL_WHO_DECIDE = frozenset({Role.PROCUREMENT, Role.QUALITY, Role.ADMIN})
_BUYERS, _QUALITY = frozenset({Role.PROCUREMENT, Role.ADMIN}), frozenset({Role.QUALITY, Role.ADMIN})
_DECIDED_BY: dict[SupplierStatus, frozenset[Role]] = {
    SupplierStatus.PENDING: _BUYERS,
    SupplierStatus.REJECTED: _BUYERS,
    SupplierStatus.CONDITIONAL: _ALL_WHO_DECIDE,
    SupplierStatus.APPROVED: _QUALITY,
    SupplierStatus.SUSPENDED: _QUALITY,
    SupplierStatus.DISQUALIFIED: frozenset({Role.ADMIN}),
}


def moves_from(present: str) -> frozenset[SupplierStatus]:
    """Return where a supplier may go from a status. From an unknown one nowhere."""
    return MOVES.get(present, frozenset())  # type: ignore[call-overload, no-any-return]


def may_move(present: str, target: str) -> bool:
    """Answer whether a supplier may go there. Staying is no move."""
    return target in moves_from(present)


def who_decides(present: str, target: str) -> frozenset[Role]:
    """
    Return who may decide a move.

    Who suspends also ends the suspension: otherwise purchasing could take back what quality has decided.
    """
    if present == SupplierStatus.DISQUALIFIED:
        return _DECIDED_BY[SupplierStatus.DISQUALIFIED]
    able = _DECIDED_BY[SupplierStatus(target)]
    return able & _QUALITY if present == SupplierStatus.SUSPENDED else able


def lacking(present: str, target: str, *, unproven: Collection[str], open_high: int) -> list[str]:
    """
    Return in words what a move lacks, nothing if it can be made.

    `unproven` are the required standards without a verified certificate that is in date, `open_high` the open
    non-conformities of severity high. ISO 9001:2015, 8.4.1 asks for criteria; these are this project's.
    """
    if target != SupplierStatus.APPROVED:
        return []
    lacks = [f"a verified {Standard(code).label} certificate that is in date" for code in sorted(unproven)]
    if present == SupplierStatus.SUSPENDED and open_high:
        cases = "1 open non-conformity" if open_high == 1 else f"{open_high} open non-conformities"
        lacks.append(f"the closing of {cases} of severity high")
    return lacks


def proposed(present: str, level: str | None) -> SupplierStatus | None:
    """Return what a critical risk proposes. It decides nothing: a person does."""
    is_critical = level == RiskLevel.CRITICAL and present in _DELIVERING
    return SupplierStatus.SUSPENDED if is_critical else None
