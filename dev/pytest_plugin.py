"""
Chooses the database of a test run before Django reads its settings. Every other database is out of reach.

A run without options is on SQLite and leaves out tests marked `postgres`. With `--postgres`, or with
TEST_DATABASE_URL, it is on PostgreSQL. There a skipped test fails the run: nobody checked its promise.
Tests marked `laboratory` or `browser` run only when `-m` names them. Those marked `nginx`, `s3`, `broker` or
`promtool` run where that is installed.

With `--with-database` only tests that ask for the database run, and of those none that is marked `once`: all others
have the same outcome on both, and the run on SQLite has them.

Processes share a whole run, each with a database of its own. Named tests run in this process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dev.brokers.nats import find_nats
from dev.brokers.rabbitmq import find_rabbitmq
from dev.postgres.binaries import PostgresUnavailable
from dev.postgres.server import DATABASE, PrivatePostgres

# What a shell exports must neither point the tests at a real database nor decide whether they pass.
FOREIGN_VARIABLES = (
    "DATABASE_URL", "REPLICA_DATABASE_URL", "SECRET_KEY", "JWT_SIGNING_KEY", "DEBUG", "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS", "TRUSTED_PROXIES", "METRICS_TOKEN", "LOG_LEVEL", "LOG_FORMAT",
    "PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE",
)  # fmt: skip
FOREIGN_PREFIXES = (
    "OTEL_", "OUTBOX_", "BROKER_", "LOGIN_", "OIDC_", "AUDIT_", "ATTACHMENT", "GUNICORN_", "PG",
)  # fmt: skip

HOW_TO_RUN = "pytest --postgres (a private server), or set TEST_DATABASE_URL"
LABORATORY, BROWSER, POSTGRES = "samples of the laboratory", "browser tests", "PostgreSQL tests"
NGINX, S3, BROKER = "tests behind nginx", "tests of a store that speaks S3", "tests beside a broker"
PROMTOOL = "tests of alerts by promtool"
WITHOUT = "tests for which any database will do"
HOW_TO_INCLUDE = {
    LABORATORY: "make samples", BROWSER: "make browser", POSTGRES: HOW_TO_RUN, NGINX: "apt-get install nginx",
    S3: "install requirements-s3.txt and moto[server], in an environment of their own",
    BROKER: "apt-get install rabbitmq-server nats-server",
    PROMTOOL: "apt-get install prometheus",
    WITHOUT: "pytest without --with-database",
}  # fmt: skip
ONLY_WHEN_NAMED = {"laboratory": LABORATORY, "browser": BROWSER}

_deselected = pytest.StashKey[dict[str, int]]()
_skipped = pytest.StashKey[list[str]]()
_server = pytest.StashKey[PrivatePostgres]()


def _clean_environment() -> None:
    kept = {"PG_BIN"}  # where the binaries are, not where a server is
    for name in set(os.environ) - kept:
        if name in FOREIGN_VARIABLES or name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]
    os.environ["QHSE_ENV"] = "test"
    os.environ["ATTACHMENTS_DIR"] = _files.name


_files = TemporaryDirectory(prefix="qhse-files-")  # which goes away with this process
(Path(_files.name) / "incoming").mkdir()  # as the server does when it starts
_clean_environment()


def _on_postgres() -> bool:
    return os.environ.get("TEST_DATABASE_URL", "").startswith(("postgres://", "postgresql://"))


def find_nginx() -> str | None:
    """Return the program's path. Debian has it where the PATH of users does not lead."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def has_brokers() -> bool:
    return find_rabbitmq("rabbitmq-server") is not None and find_nats() is not None


def find_promtool() -> str | None:
    return shutil.which("promtool")


def has_s3() -> bool:
    return all(find_spec(name) is not None for name in ("storages", "boto3", "moto"))


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        action="store_true",
        help="run on PostgreSQL: the one of TEST_DATABASE_URL, else a private server started for this run",
    )
    parser.addoption(
        "--migrated",
        metavar="DIRECTORY",
        type=Path,
        help="with --postgres: begin with the data of a private server whose database has the schema already",
    )
    parser.addoption("--with-database", action="store_true", help="leave out tests for which any database will do")


def asks_for_a_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("once") and not item.get_closest_marker("postgres"):
        return False  # not for an answer that depends on which one it is
    marked = any(item.get_closest_marker(mark) for mark in ("django_db", "postgres"))
    return marked or not {"db", "transactional_db"}.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    # A wrapper, because pytest-django reads the settings in this hook, before any conftest.py is imported.
    if early_config.known_args_namespace.postgres and not _is_worker():
        _choose_postgres(early_config)
    return (yield)


def _choose_postgres(config: pytest.Config) -> None:
    given = os.environ.get("TEST_DATABASE_URL", "").strip()
    if given and not _on_postgres():
        raise pytest.UsageError("--postgres needs a TEST_DATABASE_URL that starts with postgres://, or none at all")
    if given:
        return
    # Standbys of tests have no slot. One that is stopped while another is copied would miss what the copy tidies away.
    data = config.known_args_namespace.migrated
    server = PrivatePostgres(durable=False, settings={"wal_keep_size": "512MB"}, data=data)
    try:
        server.start()
    except PostgresUnavailable as error:
        raise pytest.UsageError(f"--postgres: {error}") from None
    config.stash[_server] = server
    os.environ["TEST_DATABASE_URL"] = server.url()  # the processes of pytest-xdist inherit it


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(_server, None)
    if server is not None:
        server.close()
        os.environ.pop("TEST_DATABASE_URL", None)


def pytest_report_header(config: pytest.Config) -> str:
    if not _on_postgres():
        return f"database: SQLite; for PostgreSQL: {HOW_TO_RUN}"
    return "database: PostgreSQL, " + ("a private server" if _server in config.stash else "TEST_DATABASE_URL")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    # One test must not wait for processes to start. None leaves a whole run to pytest-xdist: one a core.
    return 0 if config.args_source is pytest.Config.ArgsSource.ARGS else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out: dict[str, list[pytest.Item]] = {kind: [] for kind in HOW_TO_INCLUDE}
    unnamed = {mark: kind for mark, kind in ONLY_WHEN_NAMED.items() if mark not in config.option.markexpr}
    kept = []
    for item in items:
        if kinds := [kind for mark, kind in unnamed.items() if item.get_closest_marker(mark)]:
            left_out[kinds[0]].append(item)
        elif item.get_closest_marker("postgres") and not _on_postgres():
            left_out[POSTGRES].append(item)
        elif item.get_closest_marker("nginx") and find_nginx() is None:
            left_out[NGINX].append(item)
        elif item.get_closest_marker("broker") and not has_brokers():
            left_out[BROKER].append(item)
        elif item.get_closest_marker("promtool") and find_promtool() is None:
            left_out[PROMTOOL].append(item)
        elif item.get_closest_marker("s3") and not has_s3():
            left_out[S3].append(item)
        elif config.option.with_database and not asks_for_a_database(item):
            left_out[WITHOUT].append(item)
        else:
            kept.append(item)
    for deselected in filter(None, left_out.values()):
        config.hook.pytest_deselected(items=deselected)
    items[:] = kept
    config.stash[_deselected] = {kind: len(deselected) for kind, deselected in left_out.items()}


def _note_skip(config: pytest.Config, report: pytest.CollectReport | pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        config.stash.setdefault(_skipped, []).append(report.nodeid)


class SkipWatch:
    """Hears of every report, those of the processes of pytest-xdist included."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _note_skip(self.config, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        _note_skip(self.config, report)


class DeselectionCount:
    """With pytest-xdist only the workers collect. This brings their numbers to the process that reports."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        counts = getattr(node, "workeroutput", {}).get("deselected")
        if counts:  # none come from a process that crashed
            node.config.stash[_deselected] = counts


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("migrated"):
        from django.db import connection  # here, where Django has its settings

        connection.settings_dict["TEST"]["TEMPLATE"] = DATABASE
    config.pluginmanager.register(SkipWatch(config))
    config.pluginmanager.register(DeselectionCount())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _is_worker():
        session.config.workeroutput["deselected"] = session.config.stash.get(_deselected, {})
    elif _on_postgres() and session.config.stash.get(_skipped, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for kind, count in config.stash.get(_deselected, {}).items():
        if count:
            terminalreporter.write_line(f"{count} {kind} were left out; to run them: {HOW_TO_INCLUDE[kind]}")
    skipped = sorted(set(config.stash.get(_skipped, [])))
    if skipped and _on_postgres():
        names = ", ".join(skipped)
        terminalreporter.write_line(f"FAILED: nothing may be skipped on PostgreSQL, but was: {names}", red=True)
