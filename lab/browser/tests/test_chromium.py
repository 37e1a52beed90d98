"""Where the browser comes from. These need none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dev.processes import ROOT
from lab.browser.chromium import ChromiumIsMissing, find_chromium


class TestFindChromium:
    def test_takes_the_first_usual_name_that_is_installed(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CHROMIUM", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        for name in ("google-chrome", "chromium"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)

        assert find_chromium() == str(tmp_path / "chromium")

    def test_says_what_to_install_where_there_is_none(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CHROMIUM", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(ChromiumIsMissing, match="apt-get install chromium"):
            find_chromium()

    def test_names_the_given_one_that_cannot_be_run(self, monkeypatch):
        monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")

        with pytest.raises(ChromiumIsMissing, match="CHROMIUM=/nowhere/chrome cannot be run"):
            find_chromium()


class TestARunWithoutABrowser:
    def test_fails_with_a_sentence(self):
        command = [sys.executable, "-m", "pytest", "-q", "-m", "browser", "lab/browser/tests/test_narrow.py"]
        variables = {name: os.environ[name] for name in os.environ if not name.startswith(("TEST_", "PYTEST_"))}

        done = subprocess.run(
            command, cwd=ROOT, env=variables | {"CHROMIUM": "/nowhere/chrome"}, capture_output=True, text=True
        )

        assert done.returncode == 1
        assert "CHROMIUM=/nowhere/chrome cannot be run" in done.stdout + done.stderr
        assert "passed" not in done.stdout
