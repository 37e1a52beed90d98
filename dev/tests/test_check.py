"""`make check` has a quick part, which the commit hook runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import check

HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook
    for repository in yaml.safe_load((check.ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
}


class TestMain:
    @pytest.fixture
    def ran(self, monkeypatch) -> list[str]:
        labels = {tuple(command): label for label, command in check.STEPS.items()}
        ran: list[str] = []

        def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
            ran.append(labels[(Path(command[0]).name if command[0] != sys.executable else command[0], *command[1:])])
            return subprocess.CompletedProcess(command, int(ran[-1] == "lint" and "--quick" not in sys.argv), stdout="")

        monkeypatch.setattr(check.subprocess, "run", run)
        return ran

    def test_quick_runs_the_quick_steps_alone(self, ran, monkeypatch, capsys):
        monkeypatch.setattr(sys, "argv", ["check", "--quick"])

        assert check.main() == 0

        assert sorted(ran) == sorted(check.QUICK)
        assert "docstrings" not in capsys.readouterr().out

    def test_ends_with_the_first_step_that_fails(self, ran, monkeypatch, capsys):
        monkeypatch.setattr(sys, "argv", ["check"])

        assert check.main() == 1

        told = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
        assert told == [["format", "ok"], ["lint", "FAILED"]]


class TestHooks:
    def test_before_a_commit_the_quick_part_runs_and_before_a_push_the_whole(self):
        assert HOOKS["quick-check"]["entry"] == ".venv/bin/python -m dev.check --quick"
        assert HOOKS["quick-check"]["stages"] == ["pre-commit"]
        assert HOOKS["whole-check"]["entry"] == "make check"
        assert HOOKS["whole-check"]["stages"] == ["pre-push"]

    def test_fetch_nothing(self):
        repositories = yaml.safe_load((check.ROOT / ".pre-commit-config.yaml").read_text())["repos"]

        assert [repository["repo"] for repository in repositories] == ["local"]
        assert {hook["language"] for hook in HOOKS.values()} == {"system"}
