"""What the risk rule looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from suppliers.choices import CertificateStatus
from suppliers.risk.weights import PPM_LEAST_RECEIVED

MOST_ROWS = 20
"""So many rows behind a line are named. A number says how many there are."""

_CURRENT = frozenset({CertificateStatus.SUBMITTED.value, CertificateStatus.VERIFIED.value})


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one kind behind a line: the newest, and how many there are in all."""

    kind: str
    ids: tuple[int, ...] = ()
    total: int = 0

    @classmethod
    def of(cls, kind: str, ids: Iterable[int]) -> Rows:
        newest = sorted(ids, reverse=True)
        return cls(kind, tuple(newest[:MOST_ROWS]), len(newest))

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "ids": list(self.ids), "total": self.total}


@dataclass(frozen=True, slots=True)
class ClosedCase:
    id: int
    severity: str
    days: int  # since it was closed


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """
    What the app of cases knows. Cases that were recorded by mistake, or twice, are in none of it.

    `closed`, `repeats` and `ineffective` are those of the last WINDOW_DAYS days.
    """

    open: tuple[int, ...] = ()
    closed: tuple[ClosedCase, ...] = ()
    repeats: tuple[int, ...] = ()
    overdue: tuple[int, ...] = ()
    overdue_actions: tuple[int, ...] = ()
    ineffective: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateFigure:
    id: int
    standard: str
    status: str
    valid_from: date
    valid_to: date

    @property
    def is_current(self) -> bool:
        return self.status in _CURRENT

    @property
    def is_verified(self) -> bool:
        return self.status == CertificateStatus.VERIFIED


@dataclass(frozen=True, slots=True)
class VolumeFigures:
    """Pieces of the last full months."""

    received: int = 0
    defective: int = 0
    months: tuple[int, ...] = ()  # the ids of their rows

    @property
    def ppm(self) -> int | None:
        """Return the defective ones of a million pieces. None where too few were received to say."""
        if self.received < PPM_LEAST_RECEIVED:
            return None
        return (2_000_000 * self.defective + self.received) // (2 * self.received)  # half up, without floats


@dataclass(frozen=True, slots=True)
class SupplierFigures:
    """All that the rule looks at. `certification_expiry` is the date that was declared, without a certificate."""

    certification_expiry: date | None
    nc_open: int
    nc_open_high: int
    nc_open_medium: int
    cases: CaseFigures = CaseFigures()
    required: tuple[str, ...] = ()
    certificates: tuple[CertificateFigure, ...] = ()
    volumes: VolumeFigures = VolumeFigures()
    ppm_target: int = 1000
    supplier_id: int = 0

    @property
    def nc_open_low(self) -> int:
        return self.nc_open - self.nc_open_high - self.nc_open_medium
