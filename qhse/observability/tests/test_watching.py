"""ops/: alerts and dashboards speak of figures that exist, each alert has its page, and each figure is shown."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from dev.pytest_plugin import find_promtool
from qhse.observability import metrics
from qhse.replica import gauges
from qhse.tests.pages import anchors_of, sections_of, text_of

OPS = Path(__file__).resolve().parents[3] / "ops"
PROMETHEUS = OPS / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
BOARDS: dict[str, dict[str, Any]] = {
    file.name: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((OPS / "grafana" / "dashboards").iterdir())
}
PANELS = [panel for board in BOARDS.values() for panel in board["panels"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
FROM_PROMETHEUS = {"job", "instance"}  # labels that no process gives itself
OF_TYPE = {
    "counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count"),
}  # fmt: skip


def sample_names(expression: str) -> set[str]:
    return set(re.findall(r"\bqhse_\w+", expression))


def label_names(expression: str) -> set[str]:
    """Return the labels that an expression selects or adds up by."""
    selected = chain.from_iterable(
        re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", inner) for inner in re.findall(r"\{([^}]*)\}", expression)
    )
    grouped = re.findall(r"\bby \(([^)]*)\)", expression)
    return set(selected) | {label.strip() for group in grouped for label in group.split(",")}


@pytest.fixture
def exposed(db, monkeypatch) -> dict[str, set[str]]:
    """Sample → its labels, of everything that a process of ours tells, also with a replica and with traces."""
    labels: dict[str, set[str]] = {}
    importlib.import_module("qhse.tracing.exporting")  # only who is traced loads it
    monkeypatch.setattr(gauges, "age_of_replica", lambda: 1.0)
    for family in chain(metrics.Figures().collect(), gauges.replica_gauges()):
        declared = REGISTRY._names_to_collectors.get(family.name)
        names = set(getattr(declared, "_labelnames", ())) | {
            name for sample in family.samples for name in sample.labels
        }
        for ending in OF_TYPE.get(family.type, ()):
            if family.name.startswith("qhse_"):
                labels[family.name + ending] = names | ({"le"} if ending == "_bucket" else set())
    return labels


class TestFigures:
    @pytest.mark.parametrize("expression", sorted(set(EXPRESSIONS)))
    def test_that_are_asked_for_exist_with_their_labels(self, exposed, expression):
        names = sample_names(expression)

        assert names - set(exposed) == set()
        allowed = set().union(*(exposed[name] for name in names))
        assert label_names(expression) - allowed - FROM_PROMETHEUS == set()

    def test_are_all_shown_on_a_dashboard(self, exposed):
        shown = set().union(*(sample_names(target["expr"]) for panel in PANELS for target in panel["targets"]))
        families = {name.removesuffix("_bucket") for name in exposed if not name.endswith(("_sum", "_count"))}

        assert families - {name.removesuffix("_bucket") for name in shown} == set()
        assert len(families) > 20

    def test_are_all_explained(self, exposed):
        told = set(re.findall(r"^\| `(qhse_\w+)`", text_of("docs/operations.md"), re.MULTILINE))
        families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed}

        assert families == told

    def test_states_that_are_asked_for_are_told(self, db):
        told = {
            (family.name, sample.labels["state"])
            for family in metrics.Figures().collect()
            for sample in family.samples
            if "state" in sample.labels
        }
        asked = set(re.findall(r'(qhse_\w+)\{state="(\w+)"\}', " ".join(EXPRESSIONS)))

        assert asked - told == set()
        assert asked


class TestAlerts:
    def test_each_has_a_heading_in_the_runbook_and_each_heading_an_alert(self):
        runbook = sections_of(text_of("docs/operations.md"), "##")["Runbook"]

        assert list(sections_of(runbook, "###")) == [rule["alert"] for rule in RULES]

    def test_each_leads_to_its_heading(self):
        anchors = anchors_of(text_of("docs/operations.md"))

        for rule in RULES:
            page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
            assert (page, anchor) == ("docs/operations.md", rule["alert"].lower())
            assert anchor in anchors

    def test_each_says_how_bad_it_is_and_waits_for_more_than_one_look(self):
        assert {rule["labels"]["severity"] for rule in RULES} == {"critical", "warning"}
        assert all(rule["annotations"]["summary"] and rule["for"] for rule in RULES)

    def test_each_is_tried_where_it_fires_and_where_it_does_not(self):
        tried = [test["name"] for test in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]]

        assert tried == [f"{rule['alert']} {how}" for rule in RULES for how in ("fires", "is calm")]


@pytest.mark.parametrize("name", BOARDS)
class TestDashboards:
    def test_panels_have_ids_of_their_own_and_do_not_overlap(self, name):
        panels = BOARDS[name]["panels"]
        cells = [
            (place["x"] + across, place["y"] + down)
            for place in (panel["gridPos"] for panel in panels)
            for across in range(place["w"])
            for down in range(place["h"])
        ]

        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len(set(cells)) == len(cells)
        assert max(across for across, _ in cells) < 24

    def test_every_panel_asks_the_source_that_the_reader_chooses(self, name):
        (variable,) = BOARDS[name]["templating"]["list"]

        assert variable["type"] == "datasource"
        assert {panel["datasource"]["uid"] for panel in BOARDS[name]["panels"]} == {f"${{{variable['name']}}}"}


@pytest.mark.promtool
class TestPromtool:
    def run(self, *arguments: str) -> None:
        program = find_promtool()
        assert program is not None
        done = subprocess.run(
            [program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_takes_the_rules_and_sees_each_fire(self):
        self.run("check", "rules", "alerts.yml")
        self.run("test", "rules", "alerts_test.yml")

    def test_takes_the_file_that_says_whom_to_ask(self):
        # The token's file is on the machine that asks. Debian's promtool knows no Kubernetes: see test_kubernetes.py.
        self.run("check", "config", "--syntax-only", "prometheus.yml")
