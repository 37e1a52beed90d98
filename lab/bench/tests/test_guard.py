"""A route that costs three times as much as it did beside its floor is named. Noise is not."""

from __future__ import annotations

import pytest

from lab.bench.__main__ import RESULTS
from lab.bench.guard import grossly_dearer, recorded_ratios

ROW = "| GET /kpi, 200,000 rows, 8 connections, CPU | 1.73 ms | 0.68 ms | 2.53 (1.70–2.58) | ≤ 2.8 ms | yes |\n"


def figure(ratio, name="GET /kpi, 2,000 rows, 2 connections, CPU"):
    return {"name": name, "ratio": ratio}


def test_the_recorded_ratios_are_those_of_the_page():
    assert recorded_ratios(ROW) == {"GET /kpi": 2.53}
    assert len(recorded_ratios(RESULTS.read_text(encoding="utf-8"))) >= 7


def test_a_route_is_named_when_it_is_grossly_dearer_at_every_size():
    recorded = recorded_ratios(ROW)

    assert grossly_dearer([figure(7.5)], recorded) == []
    assert grossly_dearer([figure(7.7)], recorded) == ["GET /kpi: 7.7 times the floor, 2.5 are recorded"]
    assert grossly_dearer([figure(7.7), figure(3.0, "GET /kpi, 4,000 rows, 2 connections, CPU")], recorded) == []


@pytest.mark.parametrize("figures", [[], [figure(1.0, "GET /kpi, 2,000 rows, 2 connections, p50")], [figure(None)]])
def test_nothing_to_compare_is_an_error(figures):
    with pytest.raises(ValueError, match="0 of 1 recorded routes"):
        grossly_dearer(figures, recorded_ratios(ROW))
