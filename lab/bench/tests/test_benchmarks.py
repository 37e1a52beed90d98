"""The benchmarks run to their end and count correctly. No time is asserted, and of ratios only a gross one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.core.management import get_commands

from lab.bench import figures
from lab.bench.__main__ import BENCHMARKS, RESULTS
from lab.bench.crew import cpu_seconds, cpu_since
from lab.bench.figures import Figure, Target, compared
from lab.bench.guard import grossly_dearer, recorded_ratios


@pytest.mark.laboratory
@pytest.mark.postgres
def test_a_quick_run_measures_everything_and_writes_its_results(tmp_path):
    results = tmp_path / "results.md"
    command = [sys.executable, "-m", "lab.bench", "--quick", "--history", "1000", "--output", str(results)]

    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=900)

    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    measured = {figure["benchmark"] for figure in found}
    assert measured == {name for name in BENCHMARKS if name != "prune" or "prune_outbox" in get_commands()}
    assert all(f"## {name}\n" in results.read_text() for name in measured)
    assert grossly_dearer(found, recorded_ratios(RESULTS.read_text(encoding="utf-8"))) == []


class TestCompared:
    def test_the_ratio_is_the_median_of_the_rounds_and_not_of_all(self):
        figure = compared("drain", "with a slow round", "events/s", [50.0, 10.0, 60.0], [100.0, 20.0, 100.0])

        assert (figure.value, figure.beside, figure.ratio, figure.spread) == (50.0, 100.0, 0.5, (0.5, 0.6))


class TestTarget:
    @pytest.mark.parametrize(
        ("target", "reached"),
        [
            (Target("≥", 0.6, "ratio"), True),
            (Target("≥", 0.61, "ratio"), False),
            (Target("≤", 12.0, "value"), True),
            (Target("≤", 11.9, "value"), False),
        ],
    )
    def test_is_reached_at_its_bound(self, target, reached):
        figure = Figure("drain", "a figure", value=12.0, unit="events/s", ratio=0.6, target=target)

        assert json.loads(figure.as_json())["reached"] is reached
        assert ("yes" in figure.as_row()) is reached

    def test_of_a_ratio_is_not_reached_without_one(self):
        assert not Target("≥", 0.0, "ratio").is_reached(Figure("drain", "a figure", value=1.0, unit="ms"))


class TestWrite:
    def test_replaces_what_was_measured_again_and_keeps_the_rest(self, tmp_path):
        path = tmp_path / "results.md"
        figures.write(path, {"drain": "old drain", "idle": "old idle"})

        figures.write(path, {"drain": "new drain"})

        assert path.read_text() == f"{figures.HEAD}\n## drain\n\nnew drain\n\n## idle\n\nold idle\n"


class TestCpuSince:
    def test_is_more_than_nothing_even_of_what_took_less_than_a_tick(self):
        assert cpu_since(cpu_seconds(os.getpid()), os.getpid()) > 0

    def test_grows_with_what_is_done(self):
        began = cpu_seconds(os.getpid())
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        assert 0.05 <= cpu_since(began, os.getpid()) < 10
