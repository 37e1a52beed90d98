"""The plugin decides what runs, in how many processes, and on what; a run says what it left out."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dev import pytest_plugin
from dev.check import ROOT


class TestNumberOfProcesses:
    @pytest.mark.parametrize(
        ("source", "processes"),
        [
            (pytest.Config.ArgsSource.ARGS, 0),
            (pytest.Config.ArgsSource.INVOCATION_DIR, None),
            (pytest.Config.ArgsSource.TESTPATHS, None),
        ],
    )
    def test_is_none_for_named_tests_and_left_open_for_a_whole_run(self, source, processes):
        assert pytest_plugin.pytest_xdist_auto_num_workers(SimpleNamespace(args_source=source)) == processes


class TestCleanEnvironment:
    def test_forgets_what_a_shell_exported_and_keeps_the_place_of_the_binaries(self, monkeypatch):
        for name in ("DATABASE_URL", "PGHOST", "OUTBOX_POLL_INTERVAL", "PG_BIN", "EDITOR"):
            monkeypatch.setenv(name, "exported")

        pytest_plugin._clean_environment()

        assert {"DATABASE_URL", "PGHOST", "OUTBOX_POLL_INTERVAL"}.isdisjoint(os.environ)
        assert (os.environ["PG_BIN"], os.environ["EDITOR"]) == ("exported", "exported")


def collected(*arguments: str) -> str:
    """Collect the laboratory's benchmarks on SQLite, in a run of its own."""
    variables = {name: os.environ[name] for name in os.environ if not name.startswith(("TEST_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments, "lab/bench/tests"]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True).stdout


class TestLeftOut:
    def test_are_the_samples_of_the_laboratory_unless_they_are_named(self):
        output = collected()

        assert "1 samples of the laboratory were left out; to run them: make samples" in output
        assert "test_a_quick_run" not in output

    def test_are_the_browser_tests_unless_they_are_named(self):
        output = collected("lab/browser/tests/test_narrow.py")

        assert "browser tests were left out; to run them: make browser" in output
        assert "test_fits" not in output
        assert "test_fits" in collected("-m", "browser", "lab/browser/tests/test_narrow.py")

    def test_are_on_demand_those_that_ask_for_no_database(self):
        asked, all_ = (
            collected(*options, "qhse/tests/test_days.py", "qhse/tests/test_caching.py", "ncs/tests/test_repeats.py")
            for options in (["--with-database"], [])
        )

        assert (
            "tests for which any database will do were left out; to run them: pytest without --with-database" in asked
        )
        assert ("test_days.py" in asked, "test_repeats.py" in asked) == (False, True)
        assert "test_caching.py" not in asked
        assert "test_days.py" in all_
        assert "test_caching.py" in all_

    def test_are_the_postgres_tests_on_sqlite(self):
        output = collected("-m", "laboratory")

        assert "1 PostgreSQL tests were left out; to run them: pytest --postgres" in output


def test_what_needs_nginx_is_left_out_by_name_where_there_is_none(monkeypatch):
    left_out: list[object] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    config = SimpleNamespace(option=SimpleNamespace(markexpr="", with_database=False), hook=hook, stash=pytest.Stash())
    behind, other = (SimpleNamespace(get_closest_marker=lambda name, mark=mark: name == mark) for mark in ("nginx", ""))

    for found, expected in ((None, [other]), ("/usr/sbin/nginx", [behind, other])):
        monkeypatch.setattr(pytest_plugin, "find_nginx", lambda found=found: found)
        items = [behind, other]
        pytest_plugin.pytest_collection_modifyitems(config, items)
        assert items == expected
    assert left_out == [behind]
    assert pytest_plugin.HOW_TO_INCLUDE[pytest_plugin.NGINX] == "apt-get install nginx"


def test_what_needs_promtool_is_left_out_by_name_where_there_is_none(monkeypatch):
    left_out: list[object] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    config = SimpleNamespace(option=SimpleNamespace(markexpr="", with_database=False), hook=hook, stash=pytest.Stash())
    asking, other = (
        SimpleNamespace(get_closest_marker=lambda name, mark=mark: name == mark) for mark in ("promtool", "")
    )

    for found, expected in ((None, [other]), ("/usr/bin/promtool", [asking, other])):
        monkeypatch.setattr(pytest_plugin, "find_promtool", lambda found=found: found)
        items = [asking, other]
        pytest_plugin.pytest_collection_modifyitems(config, items)
        assert items == expected
    assert left_out == [asking]
    assert pytest_plugin.HOW_TO_INCLUDE[pytest_plugin.PROMTOOL] == "apt-get install prometheus"
