"""
How risky a supplier is: points that add up, from figures alone.

docs/domain.md explains the factors and the floor. `weights` is the one block of weights, with the version of the rule.
"""

from suppliers.risk.figures import (
    MOST_ROWS,
    CaseFigures,
    CertificateFigure,
    ClosedCase,
    Rows,
    SupplierFigures,
    VolumeFigures,
)
from suppliers.risk.lines import CODES
from suppliers.risk.rule import Assessment, Line, assess, is_at_risk, is_expired, level_of
from suppliers.risk.weights import AT_RISK_FLOOR, LEVELS, RULE_VERSION

__all__ = [
    "AT_RISK_FLOOR",
    "CODES",
    "LEVELS",
    "MOST_ROWS",
    "RULE_VERSION",
    "Assessment",
    "CaseFigures",
    "CertificateFigure",
    "ClosedCase",
    "Line",
    "Rows",
    "SupplierFigures",
    "VolumeFigures",
    "assess",
    "is_at_risk",
    "is_expired",
    "level_of",
]
