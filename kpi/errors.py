"""What is wrong with what is asked of the figures."""

from __future__ import annotations

from qhse.errors import InvalidInput


class PeriodIsInvalid(InvalidInput):
    """It ends before it begins, or after the day whose knowledge is asked for, or in the future."""

    code = "invalid_period"
