"""Figures for Prometheus."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from prometheus_client.metrics_core import GaugeMetricFamily

from qhse.observability import metrics


@pytest.fixture
def sources(monkeypatch):
    """No sources but those of the test."""
    monkeypatch.setattr(metrics, "_sources", [])


def test_a_request_is_counted_by_its_route():
    before = metrics.REQUESTS.labels("suppliers", "GET", "200")._value.get()

    metrics.observe_request(route="suppliers", method="GET", status=200, seconds=0.02)

    assert metrics.REQUESTS.labels("suppliers", "GET", "200")._value.get() == before + 1


def test_a_method_that_a_client_made_up_makes_no_series(sources):
    metrics.observe_request(route="unmatched", method="BREW", status=405, seconds=0.02)

    text = metrics.render().decode()
    assert 'method="other"' in text and "BREW" not in text


def test_a_source_is_read_at_each_rendering(sources):
    depth = [3]
    metrics.add_source(lambda: [GaugeMetricFamily("qhse_gauges_waiting", "Gauges to calibrate", value=depth[0])])

    assert b"qhse_gauges_waiting 3.0" in metrics.render()
    depth[0] = 4
    assert b"qhse_gauges_waiting 4.0" in metrics.render()


def test_with_several_processes_the_counters_come_from_their_files(sources, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics.add_source(lambda: [GaugeMetricFamily("qhse_gauges_waiting", "Gauges to calibrate", value=3)])

    text = metrics.render().decode()

    assert "qhse_gauges_waiting 3.0" in text and "qhse_http_requests_total{" not in text


def test_while_the_database_is_away_the_counters_are_told_and_each_source_is_not_waited_for(sources):
    asked = []

    def fail():
        asked.append("database")
        raise OperationalError("the database is away")

    metrics.add_source(lambda: [GaugeMetricFamily("qhse_gauges_waiting", "Gauges to calibrate", value=3)])
    metrics.add_source(fail)
    metrics.add_source(fail)

    text = metrics.render().decode()

    assert "qhse_http_requests_total" in text and "qhse_gauges_waiting 3.0" in text
    assert "qhse_database_up 0.0" in text
    assert asked == ["database"]


def test_a_database_that_answers_is_up(sources):
    assert b"qhse_database_up 1.0" in metrics.render()
