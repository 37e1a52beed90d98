"""What the quality figures rest on: movements, which the database itself notes, and sums of them."""

from kpi.models.belated import BelatedMovement, BelatedRound, BelatedSum
from kpi.models.movements import (
    ActionMovement,
    CaseMovement,
    CertificateMovement,
    Movement,
    SupplierMovement,
    VolumeMovement,
)
from kpi.models.sums import DaySum, FiguresBegin, LateCase, MonthSum, SummedDay, SupplierTally

MOVEMENTS: tuple[type[Movement], ...] = (
    CaseMovement,
    ActionMovement,
    CertificateMovement,
    SupplierMovement,
    VolumeMovement,
)

__all__ = [
    "MOVEMENTS",
    "ActionMovement",
    "BelatedMovement",
    "BelatedRound",
    "BelatedSum",
    "CaseMovement",
    "CertificateMovement",
    "DaySum",
    "FiguresBegin",
    "LateCase",
    "MonthSum",
    "Movement",
    "SummedDay",
    "SupplierMovement",
    "SupplierTally",
    "VolumeMovement",
]
