"""Rules that hold for all of the code and that no linter knows: read from its syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

APPS = ("qhse", "suppliers", "ncs", "audit", "outbox", "kpi")
NOT_THE_PRODUCT = {"tests", "migrations", "lab", "dev"}

CLOCKS_OF_THIS_HOST = {
    *(f"{source}.{name}" for source in ("datetime", "date") for name in ("now", "today", "utcnow", "utcfromtimestamp")),
    *(f"timezone.{name}" for name in ("now", "localdate", "localtime")),
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "clock_gettime")),
    *("uuid1", "uuid.uuid1", "uuid6", "make_aware", "timezone.make_aware", "naturalday", "timesince"),
}
# Record 0029 lists these with the reasons.
MAY_ASK_THIS_HOST = {
    ("qhse/clock.py", "demand_agreement"),  # compares the two, and takes nothing from this one
    ("outbox/webhooks/requests.py", "_called"),  # the time in a signature, which another host compares with its own
    ("qhse/database.py", "database_time"),  # SQLite runs in this process and has no clock of its own
    ("qhse/uuid7.py", "uuid7"),  # an id, whose time nobody reads
    ("qhse/tracing/spans.py", "moment"),  # when a span began and ended; nothing is decided by it
}
# Counts what has been published, and wakes workers, which poll anyway: nothing depends on either.
MAY_WAIT_FOR_THE_COMMIT = {("outbox/publisher.py", "publish_all"), ("qhse/wakeup.py", "wake_workers")}


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

    assert {"outbox/engine/claim.py", "suppliers/services/suppliers.py", "qhse/accounts/services/tokens.py"} <= read
    assert len(read) > 100


def clocks_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (enclosing function, clock) of every mention: called, handed on as a default, or imported by its name."""
    inside = {
        id(node): function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            # `datetime.datetime.now` and `django.utils.timezone.now` as well
            named = ".".join(ast.unparse(node).split(".")[-2:])
            if named in CLOCKS_OF_THIS_HOST:
                yield inside.get(id(node), "the module"), named
        elif isinstance(node, ast.ImportFrom):
            source = (node.module or "").rpartition(".")[2]
            for alias in node.names:
                if {alias.name, f"{source}.{alias.name}"} & CLOCKS_OF_THIS_HOST:
                    yield "the module", f"{source}.{alias.name}"


def test_the_product_asks_no_clock_but_the_databases():
    asked = {(name, function) for name, tree in sources(*APPS) for function, _ in clocks_in(tree)}

    assert asked == MAY_ASK_THIS_HOST


@pytest.mark.parametrize(
    "line",
    [
        "timezone.now()", "DateTimeField(default=timezone.now)", "datetime.datetime.now(UTC)", "date.today()",
        "import django.utils.timezone; django.utils.timezone.now()", "from time import time", "time.time_ns()",
        "from django.utils.timezone import now", "from django.utils.timezone import localdate as day",
        "datetime.utcnow()", "key = datetime.now",
    ],
)  # fmt: skip
def test_a_clock_of_this_host_is_seen_however_it_is_asked(line):
    assert list(clocks_in(ast.parse(line)))


def test_nothing_that_matters_waits_for_the_commit():
    waiting = {(name, function) for name, function, called in calls(*APPS) if called.endswith("on_commit")}

    assert waiting == MAY_WAIT_FOR_THE_COMMIT


# `qhse.temporary` says that the disk is full. These do so themselves, or write beside what somebody has asked for.
MAY_MAKE_TEMPORARY_FILES = {
    "qhse/temporary.py", "qhse/api/requests/uploads.py", "qhse/api/management/commands/export_records.py",
    "audit/proof/export.py",
}  # fmt: skip


def test_a_full_disk_of_temporary_files_is_met_in_one_place():
    making = {
        name
        for name, tree in sources(*APPS)
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "tempfile")
        or (isinstance(node, ast.Import) and any(alias.name == "tempfile" for alias in node.names))
    }

    assert making == MAY_MAKE_TEMPORARY_FILES


# SQLite loses triggers when a table changes: they go before migrations and come back after them.
MAY_LISTEN = {("kpi/apps.py", "pre_migrate"), ("kpi/apps.py", "post_migrate")}


def test_no_module_listens_to_the_signals_of_models():
    imported = {
        (name, alias.name)
        for name, tree in sources(*APPS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals"
        for alias in node.names
    }

    assert imported == MAY_LISTEN


def test_entry_points_open_no_transaction_and_publish_nothing():
    """
    Services do. The API's runner of repeatable writes is an exception: key and write share a transaction. So is the
    checkpoint's command: what it cannot write to its file it must not have declared.
    """
    doors = {
        (name, called)
        for name, _, called in calls(*APPS)
        if name.endswith(("/admin.py", "/api/views.py")) or "/admin/" in name or "/management/" in name
        if called in {"transaction.atomic", "publisher.publish", "publish"}
    }

    assert doors == {("audit/management/commands/audit_checkpoint.py", "transaction.atomic")}
