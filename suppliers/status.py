"""Which moves the status of a supplier may make, who decides them, and what a move lacks: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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


def lacking(
    present: str, target: str, *, unproven: Collection[str], open_high: int, after_suspension: bool = False
) -> list[str]:
    """
    Return in words what a move lacks, nothing if it can be made.

    `unproven` are the required standards without a verified certificate that is in date, `open_high` the open
    non-conformities of severity high. `after_suspension` says that it was suspended since it was approved last,
    whatever it was meanwhile. ISO 9001:2015, 8.4.1 asks for criteria; these are this project's.
    """
    if target != SupplierStatus.APPROVED:
        return []
    lacks = [f"a verified {Standard(code).label} certificate that is in date" for code in sorted(unproven)]
    if open_high and (after_suspension or present == SupplierStatus.SUSPENDED):
        cases = "1 open non-conformity" if open_high == 1 else f"{open_high} open non-conformities"
        lacks.append(f"the closing of {cases} of severity high")
    return lacks


def is_after_suspension(moves: Iterable[tuple[str | None, str | None]]) -> bool:
    """
    Answer whether a supplier was suspended since it was approved last. `moves` are from → to, the newest first.

    A way round, by conditions or by a disqualification that was taken back, ends no suspension.
    """
    for source, target in moves:
        if SupplierStatus.SUSPENDED in (source, target):
            return True
        if SupplierStatus.APPROVED in (source, target):
            return False
    return False


def proposed(present: str, level: str | None) -> SupplierStatus | None:
    """Return what a critical risk proposes. It decides nothing: a person does."""
    is_critical = level == RiskLevel.CRITICAL and present in _DELIVERING
    return SupplierStatus.SUSPENDED if is_critical else None


def proposed_without_proof(present: str, *, is_proven: bool) -> SupplierStatus | None:
    """
    Return what is proposed for who is approved, and would not be approved now: its required standards are not proven.

    They may have been required afterwards, or a certificate has ended. A person decides about that, too.
    """
    lacks = present == SupplierStatus.APPROVED and not is_proven
    return SupplierStatus.CONDITIONAL if lacks else None
