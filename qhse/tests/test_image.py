"""The image holds the product, all of it, and nothing else; with the runtime lock alone every module is imported."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings

from dev.image import image_files
from qhse.deployment.tests.collected import collected_files
from qhse.deployment.tests.test_settings_checks import GOOD
from qhse.tests.test_deployment_files import own_apps

ROOT = Path(settings.BASE_DIR)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILES = image_files(ROOT)
BESIDE_THE_APPS = {
    "requirements.txt", "requirements-s3.txt", "requirements-tracing.txt", "manage.py", "gunicorn.conf.py",
}  # fmt: skip
NEEDS_MORE = {"qhse.tracing.otlp"}
"""Modules of which each needs what an optional lock lists. Nothing imports them unless a setting asks for it."""

IMPORT_EVERYTHING = """
import importlib, runpy, sys

class OnlyTheRuntimeLock:
    def find_spec(self, name, path=None, target=None):
        if name in BLOCKED:
            raise ModuleNotFoundError(f"{name} is not in requirements.txt", name=name)

BLOCKED, MODULES = (set(line.split()) for line in sys.stdin.read().split("\\n", 1))
sys.meta_path.insert(0, OnlyTheRuntimeLock())
import django
django.setup()
for module in sorted(MODULES):
    importlib.import_module(module)
runpy.run_path("gunicorn.conf.py")
"""


def pinned(lock: str) -> set[str]:
    """Return the distributions of a lock file."""
    return {normal(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==", (ROOT / lock).read_text())}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages_beyond_the_runtime_lock() -> set[str]:
    """Return what is installed here and would not be in the image, by the names that one imports."""
    runtime = pinned("requirements.txt")
    return {name for name, owners in packages_distributions().items() if not runtime & set(map(normal, owners))}


class TestImage:
    def test_runs_as_nobody_in_particular(self):
        assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]

    def test_starts_without_a_shell_that_would_swallow_signals(self):
        commands = re.findall(r"^\s*CMD (.)", DOCKERFILE, re.MULTILINE)

        assert commands == ["[", "["]  # of the health check and of the container

    def test_installs_what_the_lock_says_and_nothing_else(self):
        installs = re.findall(r"pip install .*", DOCKERFILE)

        assert installs and all("--require-hashes" in line for line in installs)

    def test_holds_every_app_and_nothing_that_is_not_listed(self):
        rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
        let_in = {rule[1:] for rule in rules if rule.startswith("!")}

        assert rules[0] == "*"
        assert let_in == own_apps() | BESIDE_THE_APPS


class TestFiles:
    def test_are_those_of_the_product(self):
        assert {PurePosixPath(path).parts[0] for path in FILES} == own_apps() | BESIDE_THE_APPS

    def test_hold_no_laboratory_no_tools_and_no_tests(self):
        foreign = [
            path for path in FILES
            if re.search(r"(^|/)(lab|dev|tests|__pycache__)/|(^|/)(conftest\.py|test_[^/]*|[^/]*\.pyc|\.[^/]+)$", path)
        ]  # fmt: skip

        assert foreign == []

    @pytest.mark.parametrize(
        "kind", ["migrations/*.py", "templates/**/*.html", "static/**/*.*", "management/commands/*.py"]
    )
    def test_hold_all_that_the_product_needs_beside_its_modules(self, kind):
        needed = {path.relative_to(ROOT).as_posix() for app in own_apps() for path in (ROOT / app).rglob(kind)}

        assert needed and {path for path in needed if "tests" not in path.split("/")} <= set(FILES)


class TestModules:
    def test_are_all_imported_with_the_runtime_lock_alone_and_without_laboratory_and_tools(self, tmp_path):
        for path in FILES:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, tmp_path / path)
        collected_files(tmp_path / "var" / "static")  # as the image's build does
        blocked = packages_beyond_the_runtime_lock()
        modules = [
            path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
            for path in FILES if path.endswith(".py") and path != "gunicorn.conf.py"
        ]  # fmt: skip
        assert set(modules) > NEEDS_MORE
        modules = [module for module in modules if module not in NEEDS_MORE]

        done = subprocess.run(
            [sys.executable, "-c", IMPORT_EVERYTHING],
            cwd=tmp_path, env=os.environ | GOOD | {"DJANGO_SETTINGS_MODULE": "qhse.settings"},
            input=" ".join(blocked) + "\n" + " ".join(modules), capture_output=True, text=True,
        )  # fmt: skip

        assert done.returncode == 0, done.stderr
        assert {"pytest", "hypothesis", "mypy"} <= blocked
        assert not {"django", "psycopg", *own_apps()} & blocked

    @pytest.mark.parametrize("package", ["lab", "dev"])
    def test_know_no_laboratory_and_no_tools(self, package):
        sources = [(ROOT / path).read_text() for path in FILES if path.endswith(".py")]

        assert [source for source in sources if re.search(rf"(?m)^\s*(?:from|import) {package}\b", source)] == []
