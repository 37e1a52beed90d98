"""What happens to the risk of suppliers beside what is concluded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import Key, register
from suppliers.events.suppliers import SupplierEvent


@register
@dataclass(frozen=True, kw_only=True)
class SupplierRiskOverridden(SupplierEvent):
    """
    Somebody has set another risk level than the computed one, or an override has ended.

    One that comes to its end by itself is told by the worker, on the day after its last.
    """

    event_type: ClassVar[str] = "SUPPLIER_RISK_OVERRIDDEN"

    level: Annotated[str | None, Key("the level that holds now; null: the computed one", example="medium")]
    previous: Annotated[str | None, Key("that of the override before, null if there was none", example=None)]
    until: Annotated[str | None, Key("its last day by ISO 8601, null without an override", example="2027-01-31")]
    reason: Annotated[str, Key("why", example="The plant has been audited, the report lies before us")]
    computed_level: Annotated[str, Key("the level of the score", example="high")]
    score: Annotated[int, Key("0 to 100", example=54)]
