"""What is shown of a supplier's risk: the newest assessment, and the override that is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.utils.functional import cached_property

from qhse import clock
from suppliers.behind import behind
from suppliers.choices import Confidence, RiskLevel
from suppliers.risk import Line, is_expired


@dataclass(frozen=True, slots=True)
class Override:
    """A level that a person has set in the place of the computed one, through the day `until`."""

    level: RiskLevel
    reason: str
    until: date
    by_id: int


class Standing:
    """
    The part of a Supplier that reads `risk_*` and `override_*`.

    Level, score and lines are None, None and nothing until the worker has assessed the supplier for the first time.
    """

    pk: Any
    certification_expiry: date | None
    merged_into_id: int | None
    nc_open_high: int
    risk_level: str
    risk_score: int
    risk_reasons: list[dict[str, Any]]
    risk_at_risk: bool
    risk_confidence: str
    risk_rule_version: int
    risk_assessed_at: datetime | None
    override_level: str
    override_reason: str
    override_until: date | None
    override_by_id: int | None

    @cached_property
    def read_on(self) -> date:
        """Return today in UTC. It is one day for all that is said about this copy of the row, past midnight too."""
        return clock.today()

    @property
    def is_at_risk(self) -> bool:
        """Answer whether it is at risk now, whatever was concluded last. What was merged into another is not."""
        if self.merged_into_id is not None:
            return False
        return is_expired(self.certification_expiry, today=self.read_on) or self.nc_open_high > 0

    @property
    def is_assessed(self) -> bool:
        return self.risk_assessed_at is not None

    @property
    def score(self) -> int | None:
        return self.risk_score if self.is_assessed else None

    @property
    def computed_level(self) -> RiskLevel | None:
        return RiskLevel(self.risk_level) if self.is_assessed else None

    @property
    def level(self) -> RiskLevel | None:
        """Return the level that is shown: that of an override in force, else the computed one."""
        return RiskLevel(self.override_level) if self.override_in_force else self.computed_level

    @property
    def lines(self) -> list[Line]:
        return [Line.stored(line) for line in self.risk_reasons] if self.is_assessed else []

    @property
    def confidence(self) -> Confidence | None:
        return Confidence(self.risk_confidence) if self.is_assessed else None

    @property
    def rule_version(self) -> int | None:
        return self.risk_rule_version if self.is_assessed else None

    @property
    def override_in_force(self) -> bool:
        return self.override_until is not None and self.override_until >= self.read_on

    @property
    def override(self) -> Override | None:
        if not self.override_in_force or self.override_until is None or self.override_by_id is None:
            return None
        return Override(RiskLevel(self.override_level), self.override_reason, self.override_until, self.override_by_id)

    @property
    def risk_is_current(self) -> bool:
        """
        Answer whether the assessment is of today, and nothing is known that could have moved it since.

        It asks for pending events only if the row alone does not show that the worker is behind.
        """
        assessed = self.risk_assessed_at
        return (
            assessed is not None
            and assessed.astimezone(UTC).date() == self.read_on
            and self.risk_at_risk == self.is_at_risk
            and bool(self.override_level) == self.override_in_force
            and not behind().is_waiting(self.pk)
        )
