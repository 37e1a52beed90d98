"""Rules that hold for all of the code and that no linter knows: read from its syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

APPS = ("qhse", "suppliers", "ncs", "audit", "outbox", "kpi")
NOT_THE_PRODUCT = {"tests", "migrations", "lab", "dev"}

# SQLite runs in this process and has no clock of its own.
HOST_CLOCK_IS_THE_DATABASES = {("outbox/engine/statements.py", "look")}
# Counts what has been published, and wakes workers, which poll anyway: nothing depends on either.
MAY_WAIT_FOR_THE_COMMIT = {("outbox/publisher.py", "publish_all"), ("outbox/wakeup.py", "wake_workers")}


def sources(*apps: str) -> Iterator[tuple[str, ast.Module]]:
    for app in apps:
        for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            relative = path.relative_to(settings.BASE_DIR)
            if not NOT_THE_PRODUCT & set(relative.parts):
                yield relative.as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(*apps: str) -> Iterator[tuple[str, str, str]]:
    """Yield (file, enclosing function, what is called) of every call by a dotted name."""
    for name, tree in sources(*apps):
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield name, function.name, ast.unparse(node.func)


def test_the_rules_read_all_of_the_product():
    read = {name for name, _ in sources(*APPS)}

    assert {"outbox/engine/claim.py", "suppliers/services.py", "qhse/accounts/services/tokens.py"} <= read
    assert len(read) > 100


@pytest.mark.parametrize("clock", ["timezone.now", "time.time", "datetime.now", "datetime.utcnow", "time.time_ns"])
def test_the_engine_asks_no_clock_that_an_administrator_can_set_but_the_databases(clock):
    asked = {(name, function) for name, function, called in calls("outbox") if called == clock}

    assert asked - HOST_CLOCK_IS_THE_DATABASES == set()


def test_nothing_that_matters_waits_for_the_commit():
    waiting = {(name, function) for name, function, called in calls(*APPS) if called.endswith("on_commit")}

    assert waiting == MAY_WAIT_FOR_THE_COMMIT


def test_no_module_listens_to_the_signals_of_models():
    imported = {
        (name, alias.name)
        for name, tree in sources(*APPS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals"
        for alias in node.names
    }

    assert imported == set()


def test_entry_points_open_no_transaction_and_publish_nothing():
    """Services do. The API's runner of repeatable writes is the one exception: key and write share a transaction."""
    doors = {
        (name, called)
        for name, _, called in calls(*APPS)
        if name.endswith(("/admin.py", "/api/views.py")) or "/admin/" in name or "/management/" in name
        if called in {"transaction.atomic", "publisher.publish", "publish"}
    }

    assert doors == set()
