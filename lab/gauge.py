"""
The events that the laboratory and the benchmarks publish.

Each has handlers of its own, and registers it beside them: a process that only imports this class stays the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import DomainEvent, Key


@dataclass(frozen=True, kw_only=True)
class GaugeRead(DomainEvent):
    """A gauge of the laboratory has been read."""

    event_type: ClassVar[str] = "LAB_GAUGE_READ"
    aggregate_type: ClassVar[str] = "lab_gauge"
    aggregate_id_field: ClassVar[str] = "gauge"

    gauge: Annotated[str, Key("the gauge", example="w1")]
    position: Annotated[int, Key("counts up by one for each event of the gauge", example=1)]
    conduct: Annotated[str, Key("what its handler does beside its work, such as `fail:1`", example="")] = ""


@dataclass(frozen=True, kw_only=True)
class GaugeCalibrated(GaugeRead):
    """A gauge of the laboratory has been calibrated."""

    event_type: ClassVar[str] = "LAB_GAUGE_CALIBRATED"


@dataclass(frozen=True, kw_only=True)
class GaugeCertified(GaugeRead):
    """A gauge of the laboratory has been certified, on the ground of its calibrations so far."""

    event_type: ClassVar[str] = "LAB_GAUGE_CERTIFIED"


@dataclass(frozen=True, kw_only=True)
class GaugeCounted(GaugeRead):
    """A gauge of the laboratory has counted. Of this there may be very many."""

    event_type: ClassVar[str] = "LAB_GAUGE_COUNTED"
